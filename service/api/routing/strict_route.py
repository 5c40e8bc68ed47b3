"""The route class of every route. It authorizes the request first, reads bodies as strict JSON, refuses unknown query
parameters, and runs an endpoint that is no coroutine in a thread of the kind that the route needs.

If a misspelt `?splitt=train` were ignored, the response would be to another question than the client's.
"""

from collections.abc import Callable, Coroutine, Iterator
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.api import thread_limiters
from service.api.auth.authorization import needed_by
from service.api.routing.thread_kinds import kind_of
from service.http import cursors
from service.http.bodies import JSONRequest
from service.http.query import check


class StrictRoute(APIRoute):
    """Checks a request before FastAPI does, and raises errors of the domain, never the text of a parser."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _in_thread(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = list(_query_names(self.dependant))
        self.needed = needed = needed_by(self.dependant)
        self.threads = threads = kind_of(self.dependant, self.methods or ())

        async def handle_strictly(request: Request) -> Response:
            if needed is not None:
                await request.app.state.authenticator.authorize(request, needed)
                request.app.state.memory.require()
                thread_limiters.CALLER.set(request.state.counted_as)
            cursors.KEY.set(request.app.state.cursor_key)
            thread_limiters.CURRENT.set(request.app.state.limiters[threads])
            check(request.query_params, known)
            if self.body_field and (self.body_field.field_info.is_required() or _has_body(request)):
                request = JSONRequest(request.scope, request.receive)
                await request.json()
            return await handle(request)

        return handle_strictly


def _has_body(request: Request) -> bool:
    """Whether a body follows the head of the request."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _in_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint as a coroutine. FastAPI would run it under the one limiter that all threads share."""
    if iscoroutinefunction(endpoint) or isasyncgenfunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        return await thread_limiters.CURRENT.get().run(partial(endpoint, **values))

    return run


def _query_names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from annotation.model_fields
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)
