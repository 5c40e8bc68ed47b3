"""Read the epochs of experiments page by page, in the order (epoch, repeat, fold, seed, split).

Runs advance at their own pace, so a page ends at a position for each of them: with one position for all, a client
that has seen epoch 10 of a fast run would miss epoch 4 of a slow one. The evaluation part is measured once, when a
run has ended, so its rows are left out unless they are asked for: they would appear before rows that were read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    String,
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


class _Shape(NamedTuple):
    """What decides the words of a statement; everything else in a query is a parameter.

    has_split: whether it names one. runs: whether it names a repeat, a fold and a seed. epoch: which one it reads of
    each run. positions: how many runs it continues.
    """

    table: EpochTable
    has_split: bool
    runs: tuple[bool, bool, bool]
    epoch: Literal["best", "last", "number"] | None
    positions: int
    thinning: Thinning | None

    @classmethod
    def of(cls, table: EpochTable, query: EpochQuery, positions: int = 0) -> "_Shape":
        wanted = query.runs
        runs = (wanted.repeat is not None, wanted.fold is not None, wanted.seed is not None)
        epoch = "number" if isinstance(query.epoch, int) else query.epoch
        return cls(table, query.split is not None, runs, epoch, positions, query.thinning)


def read_page(connection: Connection, table: EpochTable, experiment_id: int, query: EpochQuery) -> EpochPage:
    """Read a page of one of the two tables of epochs, with the run of each row."""
    seen = _by_id(connection, experiment_id, query.after) if query.after else []
    parameters = _values(query) | _reached(seen, query.after_epoch) | {"experiment": experiment_id}
    rows, more = _read(connection, _page_of_one(_Shape.of(table, query, len(seen))), parameters, query)
    return EpochPage(rows, _advanced(query.after or [], rows), more)


def read_page_of_many(
    connection: Connection, ids: Sequence[int], query: EpochQuery, after: RowPosition | None
) -> tuple[Sequence[Row[Any]], bool]:
    """Read a page of the metrics of several experiments, in the order of `RowPosition`, with repeat and fold before
    the seed. Returns the rows, and whether there are more.
    """
    chosen = _chosen(_Shape.of(EpochMetrics, query), Run.experiment_id.in_(ids))
    columns = chosen.selected_columns
    run = (columns.repeat, columns.fold, columns.seed)
    order = (columns.experiment_id, columns.epoch, *run, columns.split)
    if after is not None:
        reached = (after.experiment, after.epoch, *RunKey.of(after), after.split)
        chosen = chosen.where(tuple_(*order) > tuple_(*reached))
    chosen = chosen.order_by(*order)
    return _read(connection, chosen if query.thinning else chosen.limit(MOST_ROWS), _values(query), query)


def position_of(row: Row[Any]) -> RowPosition:
    """The position of a row among those of several experiments."""
    return RowPosition(row.experiment_id, row.epoch, row.seed, row.split, row.repeat, row.fold)


@lru_cache(maxsize=64)
def _page_of_one(shape: _Shape) -> Select[Any]:
    """The rows of one experiment. Built once: to build it took three times as long as to read eight rows."""
    chosen = _chosen(shape, Run.experiment_id == bindparam("experiment"))
    columns = chosen.selected_columns
    chosen = chosen.order_by(columns.epoch, columns.repeat, columns.fold, columns.seed, columns.split)
    return chosen if shape.thinning else chosen.limit(MOST_ROWS)


def _chosen(shape: _Shape, mine: ColumnElement[bool]) -> Select[Any]:
    table = shape.table
    columns: Select[Any] = select(Run.experiment_id, *BY_KEY, table.__table__)
    chosen = columns.join(table, table.run_id == Run.id)
    chosen = chosen.where(mine, *_conditions(shape))
    return _thinned(chosen, table, shape.thinning) if shape.thinning else chosen


def _read(
    connection: Connection, chosen: Select[Any], parameters: Mapping[str, Any], query: EpochQuery
) -> tuple[Sequence[Row[Any]], bool]:
    if query.thinning:
        return connection.execute(chosen, parameters).all(), False
    found = connection.execute(chosen, {**parameters, "most_rows": query.limit + 1}).all()
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


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    """The conditions of a shape. `_values` and `_reached` give their parameters."""
    table = shape.table
    conditions = _beyond(table, shape.positions) if shape.positions else [table.epoch > AFTER_EPOCH]
    named = zip(BY_KEY, shape.runs, strict=True)
    conditions += [column == bindparam(f"of_{column.key}") for column, is_named in named if is_named]
    if shape.has_split:
        conditions.append(table.split == bindparam("of_split"))
    elif shape.epoch != "best":
        conditions.append(table.split != EVALUATION)
    if shape.epoch is not None:
        epochs = {"best": Run.best_epoch, "last": Run.epoch, "number": bindparam("of_epoch", type_=Integer())}
        conditions.append(table.epoch == epochs[shape.epoch])
    return conditions


def _values(query: EpochQuery) -> dict[str, Any]:
    """What a query names, by parameter. A statement leaves those unused that its shape does not have."""
    runs = {f"of_{name}": value for name, value in asdict(query.runs).items() if value is not None}
    others = {"of_split": query.split, "of_epoch": query.epoch if isinstance(query.epoch, int) else None}
    named = {name: value for name, value in others.items() if value is not None}
    return {"after_epoch": query.after_epoch, **runs, **named}


def _by_id(
    connection: Connection, experiment_id: int, seen: RunPositions
) -> list[tuple[int, tuple[int, str]]]:
    """The id of each run that was read, and the epoch and split that were reached. Unknown runs are left out."""
    runs = connection.execute(KEYS, {"id": experiment_id})
    ids = {RunKey.of(run): run.id for run in runs}
    return [(ids[each.run], (each.epoch, each.split)) for each in seen if each.run in ids]


def _beyond(table: EpochTable, positions: int) -> list[ColumnElement[bool]]:
    """Rows after the position of their run. This bounds the index, so rows that were read are not scanned again.

    The positions lie behind `after_epoch`: one bound of the index, not two.
    """
    ids, epochs, splits = (
        [bindparam(f"seen_{what}_{number}", type_=type_) for number in range(positions)]
        for what, type_ in (("run", Integer()), ("epoch", Integer()), ("split", String()))
    )
    epoch = case(*zip(map(Run.id.__eq__, ids), epochs, strict=True), else_=AFTER_EPOCH)
    after_all: BindParameter[str] = bindparam("after_split", type_=String())
    split = case(*zip(map(Run.id.__eq__, ids), splits, strict=True), else_=after_all)
    return [table.epoch >= epoch, or_(table.epoch > epoch, table.split > split)]


def _reached(seen: Sequence[tuple[int, tuple[int, str]]], after_epoch: int) -> dict[str, Any]:
    """The parameters of `_beyond`: the ids of runs, and the position of each. There are none without runs."""
    start = (after_epoch, AFTER_ALL_SPLITS)
    values: dict[str, Any] = {"after_split": AFTER_ALL_SPLITS} if seen else {}
    for number, (run_id, reached) in enumerate(seen):
        epoch, split = max(reached, start)
        values |= {f"seen_run_{number}": run_id, f"seen_epoch_{number}": epoch, f"seen_split_{number}": split}
    return values


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


AFTER_EPOCH: BindParameter[int] = bindparam("after_epoch", type_=Integer())
MOST_ROWS: BindParameter[int] = bindparam("most_rows", type_=Integer())
KEYS = select(Run.id, *BY_KEY).where(Run.experiment_id == bindparam("id"))
"""Built once: to build the statement takes longer than to execute it on SQLite."""
