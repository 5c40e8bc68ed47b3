"""Read the epochs of experiments page by page, in the order (epoch, seed, split).

Seeds advance at their own pace, so a page ends at a position for each of them: with one position for all, a client
that has seen epoch 10 of a fast seed would miss epoch 4 of a slow one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, or_, select, tuple_

from service.store.tables import EpochClasses, EpochMetrics, Run

MAX_ROWS = 10_000
"""The largest page."""
MIN_POINTS = 4
"""The fewest points of a thinned curve: both ends, and both extremes between."""
SPLITS = ("train", "validation")
"""Each epoch has a row for each of them."""
AFTER_ALL_SPLITS = "zzz"
"""It sorts behind all of them."""

EpochTable = type[EpochMetrics] | type[EpochClasses]
SeedPositions = Sequence[tuple[int, int, str]]
"""The last row that was read of each seed, by seed: (seed, epoch, split)."""
RowPosition = tuple[int, int, int, str]
"""The position of a row among those of several experiments: (experiment, epoch, seed, split)."""
EpochChoice = Literal["best", "last"] | int | None
"""The epoch of each run: the selected one, the newest, or one by its number; None for all epochs."""


@dataclass(frozen=True)
class Thinning:
    """At most `points` epochs of each seed and split: the first, the last, and the extremes of a metric between."""

    points: int
    metric: str


@dataclass(frozen=True)
class EpochQuery:
    """The rows to read of an experiment. Thinned rows come on one page."""

    split: str | None = None
    seed: int | None = None
    epoch: EpochChoice = None
    after_epoch: int = 0
    after: SeedPositions | None = None
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
    """Rows, the position of the last of each seed, and whether there are more rows already."""

    rows: Sequence[Row[Any]]
    position: SeedPositions
    more: bool


def read_page(connection: Connection, table: EpochTable, experiment_id: int, query: EpochQuery) -> EpochPage:
    """Read a page of one of the two tables of epochs, with the seed of each row."""
    chosen = _chosen(table, [experiment_id], query)
    columns = chosen.selected_columns
    chosen = chosen.order_by(columns.epoch, columns.seed, columns.split)
    rows, more = _read(connection, chosen, query)
    return EpochPage(rows, _advanced(query.after or [], rows), more)


def read_page_of_many(
    connection: Connection, ids: Sequence[int], query: EpochQuery, after: RowPosition | None
) -> tuple[Sequence[Row[Any]], bool]:
    """Read a page of the metrics of several experiments, in this order: experiment, epoch, seed, split. Returns the
    rows, and whether there are more.
    """
    chosen = _chosen(EpochMetrics, ids, query)
    columns = chosen.selected_columns
    order = (columns.experiment_id, columns.epoch, columns.seed, columns.split)
    if after is not None:
        chosen = chosen.where(tuple_(*order) > tuple_(*after))
    return _read(connection, chosen.order_by(*order), query)


def position_of(row: Row[Any]) -> RowPosition:
    """The position of a row among those of several experiments."""
    return row.experiment_id, row.epoch, row.seed, row.split


def _chosen(table: EpochTable, ids: Sequence[int], query: EpochQuery) -> Select[Any]:
    columns: Select[Any] = select(Run.experiment_id, Run.seed, table.__table__)
    chosen = columns.join(table, table.run_id == Run.id)
    mine = Run.experiment_id == ids[0] if len(ids) == 1 else Run.experiment_id.in_(ids)
    chosen = chosen.where(mine, *_conditions(table, query))
    return _thinned(chosen, query.thinning) if query.thinning else chosen


def _read(connection: Connection, chosen: Select[Any], query: EpochQuery) -> tuple[Sequence[Row[Any]], bool]:
    if query.thinning:
        return connection.execute(chosen).all(), False
    found = connection.execute(chosen.limit(query.limit + 1)).all()
    return found[: query.limit], len(found) > query.limit


def _thinned(chosen: Select[Any], thinning: Thinning) -> Select[Any]:
    """Thin each curve with too many points: keep its ends, and the lowest and highest point of equal stretches."""
    rows = chosen.subquery("rows")
    curve = (rows.c.run_id, rows.c.split)
    measured = select(
        rows,
        func.count().over(partition_by=curve).label("points"),
        func.min(rows.c.epoch).over(partition_by=curve).label("first"),
        func.max(rows.c.epoch).over(partition_by=curve).label("last"),
    ).subquery("measured")
    at = measured.c
    stretches = (thinning.points - 2) // 2
    stretch = (at.run_id, at.split, (at.epoch - at.first) * stretches // (at.last - at.first + 1))
    metric = at[thinning.metric]
    ranked = select(
        measured,
        func.row_number()
        .over(partition_by=stretch, order_by=(metric.asc().nulls_last(), at.epoch))
        .label("lowest"),
        func.row_number()
        .over(partition_by=stretch, order_by=(metric.desc().nulls_last(), at.epoch))
        .label("highest"),
    ).subquery("ranked")
    of = ranked.c
    is_end = or_(of.epoch == of.first, of.epoch == of.last)
    kept = or_(of.points <= thinning.points, is_end, of.lowest == 1, of.highest == 1)
    return select(*(of[column.key] for column in rows.c)).where(kept)


def _conditions(table: EpochTable, query: EpochQuery) -> list[ColumnElement[bool]]:
    conditions = [table.epoch > query.after_epoch]
    if query.after:  # these positions lie behind after_epoch: one bound of the index, not two
        conditions = _beyond(table, query.after, query.after_epoch)
    if query.split is not None:
        conditions.append(table.split == query.split)
    if query.seed is not None:
        conditions.append(Run.seed == query.seed)
    if query.epoch is not None:
        named = Run.best_epoch if query.epoch == "best" else Run.epoch if query.epoch == "last" else None
        conditions.append(table.epoch == (query.epoch if named is None else named))
    return conditions


def _beyond(table: EpochTable, seen: SeedPositions, after_epoch: int) -> list[ColumnElement[bool]]:
    """Rows after the position of their seed. This bounds the index, so rows that were read are not scanned again."""
    start = (after_epoch, AFTER_ALL_SPLITS)
    positions = {seed: max((epoch, split), start) for seed, epoch, split in seen}
    epoch = case({seed: position[0] for seed, position in positions.items()}, value=Run.seed, else_=start[0])
    split = case({seed: position[1] for seed, position in positions.items()}, value=Run.seed, else_=start[1])
    return [table.epoch >= epoch, or_(table.epoch > epoch, table.split > split)]


def _advanced(seen: SeedPositions, rows: Sequence[Row[Any]]) -> SeedPositions:
    last = {seed: (seed, epoch, split) for seed, epoch, split in seen}
    last_rows = {row.seed: row for row in rows}
    last |= {seed: (seed, row.epoch, row.split) for seed, row in last_rows.items()}
    return sorted(last.values())
