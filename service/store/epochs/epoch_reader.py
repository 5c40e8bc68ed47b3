"""Read the epochs of experiments page by page, in the order (epoch, repeat, fold, seed, split).

Runs advance at their own pace, so a page ends at a position for each of them: with one position for all, a client
that has seen epoch 10 of a fast run would miss epoch 4 of a slow one. The evaluation part is measured once, when a
run has ended, so its rows are left out unless they are asked for: they would appear before rows that were read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    tuple_,
)

from service.store.run_keys import ALL_RUNS, BY_KEY, RunFilter, RunKey
from service.store.tables import EpochClasses, EpochMetrics, Run

MAX_ROWS = 10_000
"""The largest page."""
MIN_POINTS = 4
"""The fewest points of a thinned curve: both ends, and both extremes between."""
SPLITS = ("train", "validation")
"""Each epoch has a row for each of them."""
EVALUATION: Literal["evaluation"] = "evaluation"
"""The part of a cross-validation on which a run is measured once, at its selected epoch."""
AFTER_ALL_SPLITS = "zzz"
"""It sorts behind all of them."""

EpochTable = type[EpochMetrics] | type[EpochClasses]
EpochChoice = Literal["best", "last"] | int | None
"""The epoch of each run: the selected one, the newest, or one by its number; None for all epochs."""


class RunPosition(NamedTuple):
    """The last row that was read of a run."""

    seed: int
    epoch: int
    split: str
    repeat: int = 0
    fold: int = 0

    @property
    def run(self) -> RunKey:
        return RunKey.of(self)


RunPositions = Sequence[RunPosition]
"""In the order of seed, repeat and fold."""


class RowPosition(NamedTuple):
    """The position of a row among those of several experiments."""

    experiment: int
    epoch: int
    seed: int
    split: str
    repeat: int = 0
    fold: int = 0


@dataclass(frozen=True)
class Thinning:
    """At most `points` epochs of each run and split: the first, the last, and the extremes of a metric between."""

    points: int
    metric: str


@dataclass(frozen=True)
class EpochQuery:
    """The rows to read of an experiment. Thinned rows come on one page."""

    split: str | None = None
    runs: RunFilter = ALL_RUNS
    epoch: EpochChoice = None
    after_epoch: int = 0
    after: RunPositions | None = None
    limit: int = 1000
    thinning: Thinning | None = None

    def with_fewer_points(self, runs: int) -> "EpochQuery":
        """The same query with fewer points per curve, if so many runs would not fit on a page."""
        if self.thinning is None:
            return self
        curves = runs * (len(SPLITS) if self.split is None else 1)
        points = max(MIN_POINTS, min(self.thinning.points, MAX_ROWS // curves))
        return replace(self, thinning=replace(self.thinning, points=points))


@dataclass(frozen=True)
class EpochPage:
    """Rows, the position of the last of each run, and whether there are more rows already."""

    rows: Sequence[Row[Any]]
    position: RunPositions
    more: bool


def read_page(connection: Connection, table: EpochTable, experiment_id: int, query: EpochQuery) -> EpochPage:
    """Read a page of one of the two tables of epochs, with the run of each row."""
    conditions = _conditions(table, query)
    if query.after:  # these positions lie behind after_epoch: one bound of the index, not two
        conditions[0:1] = _beyond(table, _by_id(connection, experiment_id, query.after), query.after_epoch)
    chosen = _chosen(table, [experiment_id], conditions, query.thinning)
    columns = chosen.selected_columns
    chosen = chosen.order_by(columns.epoch, columns.repeat, columns.fold, columns.seed, columns.split)
    rows, more = _read(connection, chosen, query)
    return EpochPage(rows, _advanced(query.after or [], rows), more)


def read_page_of_many(
    connection: Connection, ids: Sequence[int], query: EpochQuery, after: RowPosition | None
) -> tuple[Sequence[Row[Any]], bool]:
    """Read a page of the metrics of several experiments, in the order of `RowPosition`, with repeat and fold before
    the seed. Returns the rows, and whether there are more.
    """
    chosen = _chosen(EpochMetrics, ids, _conditions(EpochMetrics, query), query.thinning)
    columns = chosen.selected_columns
    run = (columns.repeat, columns.fold, columns.seed)
    order = (columns.experiment_id, columns.epoch, *run, columns.split)
    if after is not None:
        reached = (after.experiment, after.epoch, *RunKey.of(after), after.split)
        chosen = chosen.where(tuple_(*order) > tuple_(*reached))
    return _read(connection, chosen.order_by(*order), query)


def position_of(row: Row[Any]) -> RowPosition:
    """The position of a row among those of several experiments."""
    return RowPosition(row.experiment_id, row.epoch, row.seed, row.split, row.repeat, row.fold)


def _chosen(
    table: EpochTable, ids: Sequence[int], conditions: list[ColumnElement[bool]], thinning: Thinning | None
) -> Select[Any]:
    columns: Select[Any] = select(Run.experiment_id, *BY_KEY, table.__table__)
    chosen = columns.join(table, table.run_id == Run.id)
    mine = Run.experiment_id == ids[0] if len(ids) == 1 else Run.experiment_id.in_(ids)
    chosen = chosen.where(mine, *conditions)
    return _thinned(chosen, table, thinning) if thinning else chosen


def _read(connection: Connection, chosen: Select[Any], query: EpochQuery) -> tuple[Sequence[Row[Any]], bool]:
    if query.thinning:
        return connection.execute(chosen).all(), False
    found = connection.execute(chosen.limit(query.limit + 1)).all()
    return found[: query.limit], len(found) > query.limit


def _thinned(chosen: Select[Any], table: EpochTable, thinning: Thinning) -> Select[Any]:
    """Thin each curve with too many points: keep its ends, and the lowest and highest point of equal stretches.

    Only keys and the metric are sorted; the other columns are read of the epochs that are kept.
    """
    key: list[Any] = [table.run_id, table.split, table.epoch]
    metric = getattr(table, thinning.metric).label("metric")
    narrow = chosen.with_only_columns(*key, metric, maintain_column_froms=True).subquery("narrow")
    curve = (narrow.c.run_id, narrow.c.split)
    measured = select(
        narrow,
        func.count().over(partition_by=curve).label("points"),
        func.min(narrow.c.epoch).over(partition_by=curve).label("first"),
        func.max(narrow.c.epoch).over(partition_by=curve).label("last"),
    ).subquery("measured")
    at = measured.c
    stretches = (thinning.points - 2) // 2
    stretch = (at.run_id, at.split, (at.epoch - at.first) * stretches // (at.last - at.first + 1))
    lowest, highest = (
        func.row_number().over(partition_by=stretch, order_by=(order.nulls_last(), at.epoch))
        for order in (at.metric.asc(), at.metric.desc())
    )
    of = select(measured, lowest.label("lowest"), highest.label("highest")).subquery("ranked").c
    is_end = or_(of.epoch == of.first, of.epoch == of.last)
    is_kept = or_(of.points <= thinning.points, is_end, of.lowest == 1, of.highest == 1)
    kept = select(of.run_id, of.split, of.epoch).where(is_kept).subquery("kept")
    return chosen.join(kept, and_(*(column == kept.c[column.key] for column in key)))


def _conditions(table: EpochTable, query: EpochQuery) -> list[ColumnElement[bool]]:
    conditions = [table.epoch > query.after_epoch, *query.runs.conditions()]
    if query.split is not None:
        conditions.append(table.split == query.split)
    elif query.epoch != "best":
        conditions.append(table.split != EVALUATION)
    if query.epoch is not None:
        named = Run.best_epoch if query.epoch == "best" else Run.epoch if query.epoch == "last" else None
        conditions.append(table.epoch == (query.epoch if named is None else named))
    return conditions


def _by_id(
    connection: Connection, experiment_id: int, seen: RunPositions
) -> list[tuple[int, tuple[int, str]]]:
    """The id of each run that was read, and the epoch and split that were reached. Unknown runs are left out."""
    runs = connection.execute(KEYS, {"id": experiment_id})
    ids = {RunKey.of(run): run.id for run in runs}
    return [(ids[each.run], (each.epoch, each.split)) for each in seen if each.run in ids]


def _beyond(
    table: EpochTable, seen: Sequence[tuple[int, tuple[int, str]]], after_epoch: int
) -> list[ColumnElement[bool]]:
    """Rows after the position of their run. This bounds the index, so rows that were read are not scanned again."""
    start = (after_epoch, AFTER_ALL_SPLITS)
    if not seen:
        return [table.epoch > after_epoch]
    positions = {run_id: max(reached, start) for run_id, reached in seen}
    epoch = case({id_: position[0] for id_, position in positions.items()}, value=Run.id, else_=start[0])
    split = case({id_: position[1] for id_, position in positions.items()}, value=Run.id, else_=start[1])
    return [table.epoch >= epoch, or_(table.epoch > epoch, table.split > split)]


def _advanced(seen: RunPositions, rows: Sequence[Row[Any]]) -> RunPositions:
    last = {position.run: position for position in seen}
    last_rows = {RunKey.of(row): row for row in rows}
    last |= {
        key: RunPosition(row.seed, row.epoch, row.split, row.repeat, row.fold)
        for key, row in last_rows.items()
    }
    return in_order(last.values())


def in_order(positions: Iterable[RunPosition]) -> RunPositions:
    """The positions, each of another run, by seed, repeat and fold."""
    return sorted(positions, key=lambda each: (each.seed, each.repeat, each.fold))


KEYS = select(Run.id, *BY_KEY).where(Run.experiment_id == bindparam("id"))
"""Built once: to build the statement takes longer than to execute it on SQLite."""
