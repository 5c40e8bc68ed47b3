"""The events of an experiment, as a stream of server-sent events."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from service.api.auth.authorization import allow
from service.api.live.sse import EventStream
from service.api.live.stream_places import TooManyStreams
from service.api.live.streams import UNBUFFERED, EventStreamResponse
from service.api.openapi.responses import problems
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.parameters import ExperimentId, LastEventId
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.api.thread_limiters import CALLER, CURRENT
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.store.errors import UnknownExperiment

router = APIRouter(prefix="/experiments", tags=["epochs"], route_class=StrictRoute)


async def _stream(
    experiment_id: ExperimentId, database: DatabaseDep, request: Request, last_event_id: LastEventId = ""
) -> AsyncIterator[EventStream]:
    """A stream, and a place for it until its response has ended."""
    with request.app.state.stream_places.take(CALLER.get()):
        yield await CURRENT.get().run(partial(EventStream, database, experiment_id, last_event_id))


@router.get(
    "/{experiment_id:number}/events",
    operation_id="stream_events",
    dependencies=[allow("read"), run_on("streams")],
    summary="Follow an experiment",
    response_class=EventStreamResponse,
    responses=problems(UnknownExperiment, InvalidQuery, InvalidCursor, TooManyStreams)
    | {204: {"description": "The client has received the last event; nothing follows."}},
)
async def stream_events(stream: Annotated[EventStream, Depends(_stream)], request: Request) -> Response:
    """Stream server-sent events: `status` first and at each change, `epoch` for each epoch of each seed with its
    training and validation metrics, `summary` with the intervals once all runs have ended, and `end`. After a lost
    connection, send `Last-Event-ID` to miss no event.
    """
    state = request.app.state
    content = stream.content(state.change_feed, state.event_pages, state.summary_events)
    return EventStreamResponse(content, headers=UNBUFFERED)
