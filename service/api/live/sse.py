"""Server-sent events of an experiment as it runs: each epoch once, changes of its status, and its end.

The id of an event is the position of every run so far, as in a cursor. A client that reconnects with it as
Last-Event-ID gets the events after it, from any process of the service.
"""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from itertools import groupby
from typing import Any

from fastapi.sse import ServerSentEvent

from service.api.live.change_feed import ChangeFeed
from service.api.routing import positions
from service.api.thread_limiters import ThreadLimiter
from service.experiments.summary import majority_accuracies
from service.schemas.epochs import MetricsRow
from service.schemas.events import EndEvent, EpochEvent, StatusEvent
from service.store import experiment_reader, status_reader
from service.store.database import Database
from service.store.epochs.epoch_reader import (
    EpochPage,
    EpochQuery,
    RunPosition,
    RunPositions,
    in_order,
    read_page,
)
from service.store.run_keys import RunKey
from service.store.tables import EpochMetrics

ROWS_AT_A_TIME = 1000
"""An even number: an epoch is two rows, and both are sent together."""
RETRY_MILLISECONDS = (1000, 3000)
"""When a client reconnects after a lost connection: at random, so that not all do at the same time."""
END = ".end"
"""Follows the position in the id of the last event."""


class NothingFollows(Exception):
    """The client has received the last event. The status 204 tells a browser not to reconnect."""


class EventStream:
    """The events for one client. Made before the response begins, so that errors can still set its status."""

    def __init__(self, database: Database, experiment_id: int, last_event_id: str = "") -> None:
        """Raises InvalidCursor, UnknownExperiment, or NothingFollows."""
        self._database, self._id = database, experiment_id
        place = last_event_id.removesuffix(END)
        self._position: RunPositions = positions.decode_runs(place) if place else []
        with database.read() as connection:
            experiment = experiment_reader.experiment(connection, experiment_id)
            is_over = status_reader.state(connection, experiment_id).is_over
        self._majority = majority_accuracies(experiment.plan["split_counts"])
        if last_event_id.endswith(END) and is_over and not self._read().rows:
            raise NothingFollows

    async def events(self, feed: ChangeFeed, threads: ThreadLimiter) -> AsyncIterator[ServerSentEvent]:
        """The events until the experiment is over or deleted, or the service stops."""
        sent: StatusEvent | None = None
        async with aclosing(feed.changes(self._id)) as changes:
            async for state in changes:
                status = StatusEvent.of(state)
                if status != sent:
                    sent = status
                    retry = random.randint(*RETRY_MILLISECONDS)  # noqa: S311 -- nothing secret
                    yield ServerSentEvent(event="status", data=status, retry=retry)
                while rows := (await threads.run(self._read)).rows:
                    for event in self._epochs(rows):
                        yield event
                if state.is_over:
                    end = positions.encode_runs(self._position) + END
                    yield ServerSentEvent(event="end", data=EndEvent(status=status.status), id=end)
                    return

    def _read(self) -> EpochPage:
        wanted = EpochQuery(after=self._position, limit=ROWS_AT_A_TIME)
        with self._database.read() as connection:
            return read_page(connection, EpochMetrics, self._id, wanted)

    def _epochs(self, rows: Any) -> Iterator[ServerSentEvent]:
        reached = {position.run: position for position in self._position}
        for (epoch, key), parts in groupby(rows, lambda row: (row.epoch, RunKey.of(row))):
            figures = {row.split: MetricsRow.of(row, self._majority) for row in parts}
            repeat, fold, seed = key
            reached[key] = RunPosition(seed, epoch, max(figures), repeat, fold)
            self._position = in_order(reached.values())
            data = EpochEvent(seed=seed, repeat=repeat, fold=fold, epoch=epoch, **figures)
            yield ServerSentEvent(event="epoch", data=data, id=positions.encode_runs(self._position))
