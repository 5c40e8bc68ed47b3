"""The history of epochs, read back: a page of rows in the order (epoch, seed, split), and where to go on.

Seeds advance at their own pace, so a reader's place is kept for each of them: with one number for all, a reader
who has seen epoch 10 of a fast seed would miss epoch 4 of a slow one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from service.store.tables import EpochClasses, EpochMetrics, Run

EpochTable = type[EpochMetrics] | type[EpochClasses]
Position = Sequence[tuple[int, int, str]]
"""The last row seen of each seed: (seed, epoch, split)."""
EpochChoice = Literal["best", "last"] | int | None
"""Which epoch of each run: the selected one, the newest, one by its number; None is every one."""


@dataclass(frozen=True)
class Selection:
    """Which rows of an experiment."""

    split: str | None = None
    seed: int | None = None
    epoch: EpochChoice = None
    after_epoch: int = 0
    after: Position | None = None
    limit: int = 1000


@dataclass(frozen=True)
class Page:
    """Rows, where they end, and whether there are more already."""

    rows: Sequence[Row[Any]]
    position: Position
    more: bool


def read_page(
    connection: Connection,
    table: EpochTable,
    experiment_id: int,
    wanted: Selection,
) -> Page:
    """A page of one of the two tables of epochs, with the seed of each row."""
    columns: Select[Any] = select(Run.seed, table.__table__)
    chosen = (
        columns.join(table, table.run_id == Run.id)
        .where(Run.experiment_id == experiment_id, *_conditions(table, wanted))
        .order_by(table.epoch, Run.seed, table.split)
        .limit(wanted.limit + 1)
    )
    found = connection.execute(chosen).all()
    rows = found[: wanted.limit]
    return Page(rows, _advanced(wanted.after or [], rows), more=len(found) > wanted.limit)


def _conditions(table: EpochTable, wanted: Selection) -> list[ColumnElement[bool]]:
    conditions = [table.epoch > wanted.after_epoch]
    if wanted.split is not None:
        conditions.append(table.split == wanted.split)
    if wanted.seed is not None:
        conditions.append(Run.seed == wanted.seed)
    if wanted.epoch is not None:
        named = Run.best_epoch if wanted.epoch == "best" else Run.epoch if wanted.epoch == "last" else None
        conditions.append(table.epoch == (wanted.epoch if named is None else named))
    if wanted.after:
        conditions.append(_beyond(table, wanted.after))
    return conditions


def _beyond(table: EpochTable, seen: Position) -> ColumnElement[bool]:
    later = [
        and_(Run.seed == seed, or_(table.epoch > epoch, and_(table.epoch == epoch, table.split > split)))
        for seed, epoch, split in seen
    ]
    return or_(*later, Run.seed.not_in([seed for seed, _, _ in seen]))


def _advanced(seen: Position, rows: Sequence[Row[Any]]) -> Position:
    last = {seed: (seed, epoch, split) for seed, epoch, split in seen}
    last |= {row.seed: (row.seed, row.epoch, row.split) for row in rows}
    return list(last.values())
