"""Server-sent events of an experiment as it runs: each epoch once, changes of its status, its summary, and its end.

The id of an event is the position of every run so far, as in a cursor. A client that reconnects with it as
Last-Event-ID gets the events after it, from any process of the service.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from service.api.live.change_feed import ChangeFeed
from service.api.live.event_pages import EventPages
from service.api.live.streams import END, HEARTBEAT_SECONDS, NothingFollows, retry_milliseconds
from service.api.live.summary_events import SummaryEvents
from service.api.routing import positions
from service.experiments.majority import majority_accuracies
from service.schemas.events import EndEvent, StatusEvent
from service.store import experiment_reader, status_reader
from service.store.database import Database
from service.store.epochs.epoch_reader import EpochQuery, RunPositions, read_page
from service.store.status_reader import ExperimentState
from service.store.tables import EpochMetrics


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
        self._majority = majority_accuracies(experiment.plan)
        if last_event_id.endswith(END) and is_over and not self._has_more():
            raise NothingFollows

    async def content(
        self, feed: ChangeFeed[ExperimentState], pages: EventPages, summaries: SummaryEvents
    ) -> AsyncGenerator[bytes]:
        """The events until the experiment is over or deleted, or the service stops; several may come as one chunk."""
        sent: StatusEvent | None = None
        seen: ExperimentState | None = None
        async with aclosing(feed.changes(self._id, heartbeat=HEARTBEAT_SECONDS)) as changes:
            async for state in changes:
                if state is seen:
                    yield KEEPALIVE_COMMENT
                    continue
                seen, status = state, _status(state)
                if status != sent:
                    sent = status
                    yield _status_event(status)
                while (page := await pages.read(self._id, state, self._position, self._majority)).content:
                    self._position = page.position
                    yield page.content
                if state.is_over:
                    if summary := await summaries.read(self._id, state):
                        yield summary
                    yield self._end(status)
                    return

    def _end(self, status: StatusEvent) -> bytes:
        id_ = positions.encode_runs(self._position) + END
        return format_sse_event(
            event="end", data_str=EndEvent(status=status.status).model_dump_json(), id=id_
        )

    def _has_more(self) -> bool:
        with self._database.read() as connection:
            wanted = EpochQuery(after=self._position, limit=1)
            return bool(read_page(connection, EpochMetrics, self._id, wanted).rows)


@lru_cache(maxsize=100)
def _status(state: ExperimentState) -> StatusEvent:
    """Cached, because all streams of an experiment see the same states."""
    return StatusEvent.of(state)


def _status_event(status: StatusEvent) -> bytes:
    return format_sse_event(event="status", data_str=status.model_dump_json(), retry=retry_milliseconds())
