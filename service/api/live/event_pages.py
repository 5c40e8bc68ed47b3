"""Pages of epoch events, read and formatted once for all streams that follow an experiment from the same position.

A hundred dashboards of one experiment so cost as much as one. Pages of different experiments share one thread, which
rests as long as it has worked, so that other requests keep most of the processor.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from fastapi.sse import format_sse_event

from service.api.routing import positions
from service.api.thread_limiters import ThreadLimiter
from service.schemas.epochs import MajorityAccuracies, MetricsRow
from service.schemas.events import EpochEvent
from service.store.database import Database
from service.store.epochs.epoch_reader import EpochQuery, RunPosition, RunPositions, in_order, read_page
from service.store.run_keys import RunKey
from service.store.status_reader import ExperimentState
from service.store.tables import EpochMetrics
from workers.lru_cache import LruCache

ROWS_AT_A_TIME = 500
"""An even number: an epoch is two rows, and both are sent together."""
CACHED_BYTES = 8_000_000
IDLE_SECONDS = 60.0

Position = tuple[RunPosition, ...]


@dataclass(frozen=True)
class EventPage:
    """The events after a position, as they are sent, and the position of the last; no content if nothing follows."""

    content: bytes
    position: Position


class EventPages:
    """The pages of one application. Used in one event loop."""

    def __init__(self, database: Database, threads: ThreadLimiter) -> None:
        self._database, self._threads = database, threads
        self._reading: dict[object, asyncio.Task[EventPage]] = {}
        self._full: LruCache[object, EventPage] = LruCache(
            CACHED_BYTES, lambda page: len(page.content), IDLE_SECONDS
        )

    async def read(
        self, experiment_id: int, state: ExperimentState, position: RunPositions, majority: MajorityAccuracies
    ) -> EventPage:
        """The page of an experiment after a position, with all epochs that it had in this state.

        A page that is being read for another stream has them only if that stream has seen the same state.
        """
        attempts = tuple(run.attempt for run in state.runs)
        cache_key = (experiment_id, attempts, tuple(position))
        if (page := self._full.get(cache_key)) is not None:
            return page
        key = (experiment_id, state, tuple(position))
        if (task := self._reading.get(key)) is None:
            read = partial(self._page, experiment_id, position, majority, cache_key)
            self._reading[key] = task = asyncio.create_task(self._threads.run(read))
            task.add_done_callback(partial(self._end, key))
        return await asyncio.shield(task)

    def clear(self) -> None:
        """Drop the cached pages."""
        self._full.clear()

    def _end(self, key: object, task: asyncio.Task[EventPage]) -> None:
        del self._reading[key]
        if not task.cancelled():
            task.exception()  # every stream that waited may have left

    def _page(
        self, experiment_id: int, position: RunPositions, majority: MajorityAccuracies, cache_key: object
    ) -> EventPage:
        """Read a page, and cache it if it is full: its epochs do not change until a run is attempted again."""
        wanted = EpochQuery(after=position, limit=ROWS_AT_A_TIME)
        with self._database.read() as connection:
            rows = read_page(connection, EpochMetrics, experiment_id, wanted).rows
        events = list(_events(rows, position, majority))
        reached = events[-1][1] if events else tuple(position)
        page = EventPage(b"".join(event for event, _ in events), reached)
        if len(rows) == ROWS_AT_A_TIME:
            self._full.put(cache_key, page)
        return page


def _events(
    rows: Any, position: RunPositions, majority: MajorityAccuracies
) -> Iterator[tuple[bytes, Position]]:
    """Each epoch as an event, and the position that it reaches."""
    reached = {each.run: each for each in position}
    for (epoch, key), parts in groupby(rows, lambda row: (row.epoch, RunKey.of(row))):
        figures = {row.split: MetricsRow.of(row, majority) for row in parts}
        repeat, fold, seed = key
        reached[key] = RunPosition(seed, epoch, max(figures), repeat, fold)
        now = tuple(in_order(reached.values()))
        data = EpochEvent(seed=seed, repeat=repeat, fold=fold, epoch=epoch, **figures)
        yield (
            format_sse_event(event="epoch", data_str=data.model_dump_json(), id=positions.encode_runs(now)),
            now,
        )
