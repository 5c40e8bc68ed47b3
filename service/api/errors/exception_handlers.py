"""The exception handlers: every error of the application becomes a problem response (RFC 9457)."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from service.api.errors.page_route import problem_page
from service.api.errors.problems import (
    LOCKED,
    MAX_ERRORS,
    PROBLEM_TYPES,
    REPLACED,
    UNAVAILABLE,
    Problem,
    ProblemType,
    shortened,
)
from service.api.live.streams import NothingFollows
from service.http.conditional import NotModified, not_modified
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.store.engine.file_identity import DatabaseReplaced
from service.store.engine.lock_timeout import is_lock_timeout
from workers.validation.errors import FieldError, InvalidSpec, field_error_at, merge_by_path, to_field_error

log = logging.getLogger("holdout.http")

PAGES = "/ui/"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def install(app: FastAPI) -> None:
    """Respond to every error of `app` with a problem."""
    app.add_exception_handler(NotModified, _not_modified)
    app.add_exception_handler(NothingFollows, _nothing_follows)
    for error in PROBLEM_TYPES:
        app.add_exception_handler(error, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(MemoryError, _out_of_memory)
    for error in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(error, _unavailable)


async def _not_modified(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotModified)  # noqa: S101 -- it is installed for this class
    return not_modified(error.headers)


async def _nothing_follows(_request: Request, _error: Exception) -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _domain_error(request: Request, error: Exception) -> Response:
    return _answer(request, Problem.from_error(error))


async def _invalid_request(request: Request, error: Exception) -> Response:
    """The errors that FastAPI found in a body, a query parameter, or a path parameter."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- it is installed for this class
    details = error.errors()
    field_errors = merge_by_path(_field_error(request, detail) for detail in details[:MAX_ERRORS])
    total = len(field_errors) + len(details[MAX_ERRORS:])
    problem_type = PROBLEM_TYPES[InvalidSpec if details[0]["loc"][0] == "body" else InvalidQuery]
    return _answer(request, Problem.from_field_errors(problem_type, field_errors, total))


async def _http_error(request: Request, error: Exception) -> Response:
    """An error of the router: no such path, or no such method at this path."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- it is installed for this class
    status, path, headers = HTTPStatus(error.status_code), request.url.path, {}
    detail = f"{status.phrase}."
    if status is HTTPStatus.NOT_FOUND:
        more = "" if path.startswith(PAGES) else " /docs and /openapi.json list all paths."
        detail = f"There is nothing at {shortened(path)}.{more}"
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        detail = f"{request.method} is not possible here. Possible: {headers['Allow']}."
    problem_type = ProblemType("about:blank", status.value, status.phrase)
    return _answer(request, Problem(problem_type, detail, headers=headers))


async def _unavailable(request: Request, error: Exception) -> Response:
    if isinstance(error, DatabaseReplaced):  # it was logged once
        return _answer(request, REPLACED)
    log.warning("request %s: the database did not answer", request.state.request_id, exc_info=error)
    is_locked = isinstance(error, DBAPIError) and is_lock_timeout(error)
    return _answer(request, LOCKED if is_locked else UNAVAILABLE)


async def _out_of_memory(request: Request, error: Exception) -> Response:
    log.warning("request %s: the process could not allocate memory", request.state.request_id, exc_info=error)
    return _answer(request, Problem.from_error(OutOfMemory()))


def _answer(request: Request, problem: Problem) -> Response:
    """A problem as a response: as a page where pages are."""
    path = request.url.path
    return problem_page(request, problem) if path.startswith(PAGES) else problem.response(path)


def _field_error(request: Request, detail: dict[str, Any]) -> FieldError:
    where, *location = detail["loc"]
    if where != "body":
        return field_error_at(".".join(map(str, location)), detail)
    # Shortened first: the search for the nearest valid name takes time in proportion to the wrong one.
    location = [shortened(step) if isinstance(step, str) else step for step in location]
    context = {key: _shortened(value) for key, value in detail.get("ctx", {}).items()}
    model = request.scope["route"].body_field.field_info.annotation
    return to_field_error({**detail, "loc": location, "ctx": context}, model)


def _allowed_methods(request: Request) -> Iterator[str]:
    """Every method that a route has at this path. The router itself stops at the first route.

    A path without parameters precedes one with them, as in OpenAPI: /datasets/inspect is not a data set.
    """
    routes = request.app.router.routes
    exact: set[str] = set()
    for route in iter_route_contexts(routes):
        if route.path == request.url.path:
            exact |= route.methods or set()
    for method in METHODS:
        method_of_route = "GET" if method == "HEAD" else method
        scope = {**request.scope, "method": method_of_route}
        if method_of_route in exact or (
            not exact and any(route.matches(scope)[0] is Match.FULL for route in routes)
        ):
            yield method


def _shortened(value: Any) -> Any:
    """A value of an error's context: numbers stay numbers, which are written without a needless ".0"."""
    return value if isinstance(value, int | float) else shortened(str(value))
