"""Server-sent events of a sweep as it runs: its progress, each candidate that ends once, and its end.

The id of an event tells which candidates the client knows to have ended. A client that reconnects with it as
Last-Event-ID gets the others, from any process of the service.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import Field, TypeAdapter

from service.api.live.change_feed import ChangeFeed
from service.api.live.streams import END, HEARTBEAT_SECONDS, NothingFollows, retry_milliseconds
from service.api.thread_limiters import ThreadLimiter
from service.experiments.leaderboards import metric_of
from service.experiments.progress import progress_of_sweep
from service.http import cursors
from service.schemas.events import CandidateEvent, EndEvent, SweepStatusEvent
from service.store import sweep_reader
from service.store.database import Database
from service.store.sweep_reader import SweepState
from service.store.tables import FINAL_STATUSES

BITS: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(pattern="^[0-9a-f]+$")])


class SweepStream:
    """The events for one client. Made before the response begins, so that errors can still set its status."""

    def __init__(self, database: Database, sweep_id: int, last_event_id: str = "") -> None:
        """Raises InvalidCursor, UnknownSweep, or NothingFollows."""
        self._database, self._id = database, sweep_id
        place = last_event_id.removesuffix(END)
        self._told = int(cursors.decode(place, BITS), 16) if place else 0
        with database.read() as connection:
            sweep = sweep_reader.sweep(connection, sweep_id)
            state = sweep_reader.state(connection, sweep)
        self._metric = metric_of(sweep)
        if last_event_id.endswith(END) and state.is_over and self._told.bit_count() == _ended(state):
            raise NothingFollows

    async def content(self, feed: ChangeFeed[SweepState], threads: ThreadLimiter) -> AsyncGenerator[bytes]:
        """The events until the sweep is over or deleted, or the service stops; several may come as one chunk."""
        sent: SweepStatusEvent | None = None
        seen: SweepState | None = None
        async with aclosing(feed.changes(self._id, heartbeat=HEARTBEAT_SECONDS)) as changes:
            async for state in changes:
                if state is seen:
                    yield KEEPALIVE_COMMENT
                    continue
                # Before the status is told: who acts on it may retry a candidate, which ends again meanwhile.
                moved = seen is None or seen.candidates != state.candidates
                ended = await threads.run(self._candidates) if moved else b""
                status = SweepStatusEvent.of(state, progress_of_sweep(state))
                if status != sent:
                    sent = status
                    yield format_sse_event(
                        event="status", data_str=status.model_dump_json(), retry=retry_milliseconds()
                    )
                if ended:
                    yield ended
                seen = state
                if state.is_over:
                    end = EndEvent(status=state.status).model_dump_json()
                    yield format_sse_event(event="end", data_str=end, id=self._position() + END)
                    return

    def _candidates(self) -> bytes:
        """An event for each candidate that has ended since the last time. One that was retried ends again."""
        with self._database.read() as connection:
            ended = sweep_reader.ended_candidates(connection, self._id)
            self._told &= sum(1 << number for number in ended)
            new = [number for number in ended if not self._told >> number & 1]
            rows = sweep_reader.outcomes(connection, self._id, new, self._metric)
        events = []
        for row in rows:
            self._told |= 1 << row.candidate
            data = CandidateEvent.model_validate(row).model_dump_json()
            events.append(format_sse_event(event="candidate", data_str=data, id=self._position()))
        return b"".join(events)

    def _position(self) -> str:
        """The candidates that the client knows to have ended, a bit for each."""
        return cursors.encode(f"{self._told:x}")


def _ended(state: SweepState) -> int:
    return sum(state.candidates.get(status, 0) for status in FINAL_STATUSES)
