"""How far experiments have come, as the extent of an export that is read page by page.

Each page is a short transaction of its own: one snapshot for the whole export would keep SQLite from resetting its
WAL for as long as a slow client takes. The export is consistent all the same, because stored epochs do not change:
rows that were added after its beginning are left out, and it is cut short when rows are taken away.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row

from service.store import status_reader
from service.store.database import Database
from service.store.epoch_reader import (
    PARTS,
    EpochPage,
    EpochTable,
    Place,
    Position,
    Selection,
    place_of,
    read_across,
    read_page,
)
from service.store.status_reader import ExperimentStates

Rows = Sequence[Row[Any]]


class CutShort(Exception):
    """Rows of an export are gone: their experiment was deleted, or its run went back to a checkpoint."""


class Extent:
    """The epoch that each run had reached."""

    def __init__(self, found: ExperimentStates) -> None:
        self._epochs = {(id_, run.seed): run.epoch for id_, state in found.items() for run in state.runs}

    @property
    def ids(self) -> Collection[int]:
        return {experiment_id for experiment_id, _ in self._epochs}

    def within(self, connection: Connection, rows: Rows) -> Rows:
        """Those of the rows that were there before. Raises CutShort if some of the others are not there any more."""
        now = Extent(status_reader.known_states(connection, self.ids))._epochs
        if any(now.get(run, -1) < epoch for run, epoch in self._epochs.items()):
            raise CutShort("The rows of an export were deleted while it was sent")
        return [row for row in rows if row.epoch <= self._epochs[row.experiment_id, row.seed]]

    def end(self, wanted: Selection) -> Position:
        """The place behind everything that is wanted of one experiment."""
        last = {seed: (seed, epoch, split) for seed, epoch, split in wanted.after or ()}
        for (_, seed), epoch in self._epochs.items():
            if wanted.seed in (None, seed) and epoch > wanted.after_epoch:
                last[seed] = seed, epoch, wanted.split or PARTS[-1]
        return list(last.values())


def following_pages(
    database: Database,
    table: EpochTable,
    experiment_id: int,
    wanted: Selection,
    page: EpochPage,
    extent: Extent,
) -> Iterator[Rows]:
    """What follows a page of one experiment. No transaction is open between two of them."""
    while page.more:
        wanted = replace(wanted, after=page.position)
        with database.read() as connection:
            page = read_page(connection, table, experiment_id, wanted)
            rows = extent.within(connection, page.rows)
        yield rows


def following_pages_across(
    database: Database, ids: Sequence[int], wanted: Selection, place: Place, extent: Extent
) -> Iterator[Rows]:
    """What follows a place among the metrics of several experiments."""
    more = True
    while more:
        with database.read() as connection:
            found, more = read_across(connection, ids, wanted, place)
            rows = extent.within(connection, found)
        if found:
            place = place_of(found[-1])
        yield rows
