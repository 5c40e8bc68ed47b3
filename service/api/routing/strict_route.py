"""The kind of route used throughout: it asks for the token first, bodies are strict JSON, a query parameter that is
not known is refused, and an endpoint that is no coroutine takes a thread of the kind that its route needs.

A misspelt `?splitt=train` that is ignored would answer another question than the one that was asked.
"""

from collections.abc import Callable, Coroutine, Iterator
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.api.auth.authorization import needed_by
from service.api.routing import thread_limiters
from service.http import cursors
from service.http.bodies import JSONRequest
from service.http.query import check


class StrictRoute(APIRoute):
    """Checks a request before FastAPI does; what is wrong is a domain error, never text of a parser."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _in_thread(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = list(_query_names(self.dependant))
        self.needed = needed = needed_by(self.dependant)
        self.threads = threads = thread_limiters.kind_of(self.dependant, self.methods or ())

        async def handle_strictly(request: Request) -> Response:
            if needed is not None:
                await request.app.state.authenticator.admit(request, needed)
            cursors.KEY.set(request.app.state.cursor_key)
            thread_limiters.CURRENT.set(request.app.state.limiters[threads])
            check(request.query_params, known)
            if self.body_field:
                request = JSONRequest(request.scope, request.receive)
                await request.json()
            return await handle(request)

        return handle_strictly


def _in_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint as a coroutine: FastAPI would run it under the one limiter that all threads share."""
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
