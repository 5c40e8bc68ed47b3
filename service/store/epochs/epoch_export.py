"""Export the epochs of experiments page by page, as they were when the export began.

Each page is a short transaction of its own: one snapshot for the whole export would keep SQLite from resetting its
WAL for as long as a slow client takes. The export is consistent all the same, because stored epochs do not change:
rows that were added after its beginning are left out, and the export is cut short if rows of it are deleted.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from service.store import status_reader
from service.store.database import Database
from service.store.epochs.epoch_reader import (
    EVALUATION,
    SPLITS,
    EpochPage,
    EpochQuery,
    EpochTable,
    RowPosition,
    RunPosition,
    RunPositions,
    in_order,
    position_of,
    read_page,
    read_page_of_many,
)
from service.store.run_keys import RunKey
from service.store.status_reader import ExperimentStates
from service.store.tables import Rows


class ExportCutShort(Exception):
    """Rows of an export are gone: their experiment was deleted, or its run went back to a checkpoint."""


class Extent:
    """What belongs to an export: the epochs that each run had reached when the export began."""

    def __init__(self, states: ExperimentStates) -> None:
        self._runs = {(id_, RunKey.of(run)): run for id_, state in states.items() for run in state.runs}
        self._epochs = {key: run.epoch for key, run in self._runs.items()}

    @property
    def ids(self) -> Collection[int]:
        return {experiment_id for experiment_id, _ in self._epochs}

    def within(self, connection: Connection, rows: Rows) -> Rows:
        """The rows that belong to the export. Raises ExportCutShort if rows of the export were deleted."""
        now = Extent(status_reader.known_states(connection, self.ids))._epochs
        if any(now.get(run, -1) < epoch for run, epoch in self._epochs.items()):
            raise ExportCutShort("The rows of an export were deleted while it was sent")
        return [row for row in rows if row.epoch <= self._epochs[row.experiment_id, RunKey.of(row)]]

    def end(self, query: EpochQuery) -> RunPositions:
        """The positions behind all rows of one experiment that match the query."""
        last = {position.run: position for position in query.after or ()}
        for (_, key), run in self._runs.items():
            is_measured = query.split != EVALUATION or run.status == "succeeded"
            if is_measured and query.runs.matches(key) and run.epoch > query.after_epoch:
                last[key] = RunPosition(key.seed, run.epoch, query.split or SPLITS[-1], key.repeat, key.fold)
        return in_order(last.values())


def following_pages(
    database: Database,
    table: EpochTable,
    experiment_id: int,
    query: EpochQuery,
    page: EpochPage,
    extent: Extent,
) -> Iterator[Rows]:
    """The pages after a page of one experiment. No transaction is open between two of them."""
    while page.more:
        query = replace(query, after=page.position)
        with database.read() as connection:
            page = read_page(connection, table, experiment_id, query)
            rows = extent.within(connection, page.rows)
        yield rows


def following_pages_of_many(
    database: Database, ids: Sequence[int], query: EpochQuery, position: RowPosition, extent: Extent
) -> Iterator[Rows]:
    """The pages of metrics of several experiments after a position."""
    more = True
    while more:
        with database.read() as connection:
            found, more = read_page_of_many(connection, ids, query, position)
            rows = extent.within(connection, found)
        if found:
            position = position_of(found[-1])
        yield rows
