"""The events of a sweep, as a stream of server-sent events."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from service.api.auth.authorization import allow
from service.api.live.stream_places import TooManyStreams
from service.api.live.streams import UNBUFFERED, EventStreamResponse
from service.api.live.sweep_sse import SweepStream
from service.api.openapi.responses import problems
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.parameters import LastEventId, SweepId
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.api.thread_limiters import CALLER, CURRENT
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.store.errors import UnknownSweep

router = APIRouter(prefix="/sweeps", tags=["sweeps"], route_class=StrictRoute)


async def _stream(
    sweep_id: SweepId, database: DatabaseDep, request: Request, last_event_id: LastEventId = ""
) -> AsyncIterator[SweepStream]:
    """A stream, and a place for it until its response has ended."""
    with request.app.state.stream_places.take(CALLER.get()):
        yield await CURRENT.get().run(partial(SweepStream, database, sweep_id, last_event_id))


@router.get(
    "/{sweep_id:number}/events",
    operation_id="stream_sweep_events",
    dependencies=[allow("read"), run_on("streams")],
    summary="Follow a sweep",
    response_class=EventStreamResponse,
    responses=problems(UnknownSweep, InvalidQuery, InvalidCursor, TooManyStreams)
    | {204: {"description": "The client has received the last event; nothing follows."}},
)
async def stream_sweep_events(stream: Annotated[SweepStream, Depends(_stream)], request: Request) -> Response:
    """Stream server-sent events: `status` first and at each change, with the progress of all candidates; `candidate`
    for each candidate that has ended, with its value; and `end`. After a lost connection, send `Last-Event-ID` to
    miss no candidate.
    """
    state = request.app.state
    content = stream.content(state.sweep_feed, state.limiters["streams"])
    return EventStreamResponse(content, headers=UNBUFFERED)
