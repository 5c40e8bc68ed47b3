"""The kind of route used throughout: it asks for the token first, bodies are strict JSON, and a query parameter that
is not known is refused.

A misspelt `?splitt=train` that is ignored would answer another question than the one that was asked.
"""

from collections.abc import Callable, Coroutine, Iterator
from difflib import get_close_matches
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.bodies import JSONRequest
from service.security import needed_by


class InvalidQuery(ValueError):
    """A query parameter is not known, or given more often than once."""

    def __init__(self, name: str, value: str, message: str) -> None:
        self.name, self.value, self.message = name, value, message
        super().__init__(f"{name}: {message}")


class StrictRoute(APIRoute):
    """Checks a request before FastAPI does; what is wrong is a domain error, never text of a parser."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = list(_query_names(self.dependant))
        needed = needed_by(self.dependant)

        async def handle_strictly(request: Request) -> Response:
            if needed is not None:
                await request.app.state.guard.admit(request, needed)
            _check_query(request, known)
            if self.body_field:
                request = JSONRequest(request.scope, request.receive)
                await request.json()
            return await handle(request)

        return handle_strictly


def _query_names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from annotation.model_fields
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def _check_query(request: Request, known: list[str]) -> None:
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    for name, value in given:
        if name not in known:
            near = get_close_matches(name[:100], known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            right = f"it is one of {', '.join(known)}" if known else "none is known here"
            raise InvalidQuery(name, value, f"unknown query parameter; {hint}{right}")
        if names.count(name) > 1:
            raise InvalidQuery(name, value, "is given more than once")
