"""The events of an experiment as they happen: its epochs, each once, its status, and its end.

The id of an event is the place of every seed so far, as in a cursor: who comes back with it as Last-Event-ID
goes on behind it, whichever process it reaches.
"""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from itertools import groupby
from typing import Any

from fastapi.sse import ServerSentEvent

from service.api.live.change_feed import ChangeFeed
from service.api.routing.parameters import POSITION
from service.api.thread_limiters import ThreadLimiter
from service.experiments.summary import majority_accuracies
from service.http import cursors
from service.schemas.epochs import MetricsRow
from service.schemas.events import EndEvent, EpochEvent, StatusEvent
from service.store import experiment_reader, status_reader
from service.store.database import Database
from service.store.epochs.epoch_reader import EpochPage, EpochQuery, SeedPositions, read_page
from service.store.tables import EpochMetrics

ROWS_AT_A_TIME = 1000
"""Even: an epoch is two rows, and is never sent by halves."""
RETRY_MILLISECONDS = (1000, 3000)
"""After which a client comes back whose stream broke off: not all at the same time."""
END = ".end"
"""Follows the place in the id of the last event."""


class NothingFollows(Exception):
    """The client has had the last event: by the status 204 a browser learns not to come back."""


class EventStream:
    """The events for one client. Made before the answer begins, so that what is wrong can still be answered."""

    def __init__(self, database: Database, experiment_id: int, last_event_id: str = "") -> None:
        """Raises InvalidCursor, UnknownExperiment, or NothingFollows."""
        self._database, self._id = database, experiment_id
        place = last_event_id.removesuffix(END)
        self._place: SeedPositions = [*cursors.decode(place, POSITION)] if place else []
        with database.read() as connection:
            experiment = experiment_reader.experiment(connection, experiment_id)
            is_over = status_reader.state(connection, experiment_id).is_over
        self._majority = majority_accuracies(experiment.plan["split_counts"])
        if last_event_id.endswith(END) and is_over and not self._read().rows:
            raise NothingFollows

    async def events(self, watch: ChangeFeed, threads: ThreadLimiter) -> AsyncIterator[ServerSentEvent]:
        """Until the experiment is over, or deleted, or the service is being stopped."""
        told: StatusEvent | None = None
        async with aclosing(watch.changes(self._id)) as changes:
            async for state in changes:
                status = StatusEvent.of(state)
                if status != told:
                    told = status
                    retry = random.randint(*RETRY_MILLISECONDS)  # noqa: S311 -- nothing secret
                    yield ServerSentEvent(event="status", data=status, retry=retry)
                while rows := (await threads.run(self._read)).rows:
                    for event in self._epochs(rows):
                        yield event
                if state.is_over:
                    end = cursors.encode(self._place) + END
                    yield ServerSentEvent(event="end", data=EndEvent(status=status.status), id=end)
                    return

    def _read(self) -> EpochPage:
        wanted = EpochQuery(after=self._place, limit=ROWS_AT_A_TIME)
        with self._database.read() as connection:
            return read_page(connection, EpochMetrics, self._id, wanted)

    def _epochs(self, rows: Any) -> Iterator[ServerSentEvent]:
        places = {seed: (seed, epoch, split) for seed, epoch, split in self._place}
        for (epoch, seed), parts in groupby(rows, lambda row: (row.epoch, row.seed)):
            figures = {row.split: MetricsRow.of(row, self._majority) for row in parts}
            places[seed] = (seed, epoch, max(figures))
            self._place = sorted(places.values())
            data = EpochEvent(seed=seed, epoch=epoch, **figures)
            yield ServerSentEvent(event="epoch", data=data, id=cursors.encode(self._place))
