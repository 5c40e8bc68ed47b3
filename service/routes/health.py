"""The state of the service: liveness, readiness, metrics for Prometheus, and an index of its paths."""

import platform
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from service.api.auth.authorization import PUBLIC, allow
from service.api.openapi.responses import problems
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.http.query import InvalidQuery
from service.operations.doctor import has_wal_reset_bug
from service.operations.readiness import NotReady
from service.schemas.base import Remark, ResponseModel

router = APIRouter(tags=["operation"], route_class=StrictRoute)
errors = problems(InvalidQuery)

Accept = Annotated[str, Header(include_in_schema=False)]
"""OpenAPI describes this header by the media types of the responses."""

VERSION = version("holdout")
INDEX = {
    "experiments": "/experiments",
    "datasets": "/datasets",
    "catalog": "/catalog",
    "health": "/health",
    "ready": "/ready",
    "metrics": "/metrics",
    "docs": "/docs",
    "openapi": "/openapi.json",
}
WAL_RESET_BUG = Remark(
    code="sqlite-wal-reset",
    sentence="This SQLite has the WAL-reset bug: in rare cases, a write during a checkpoint damages the database.",
    remedy="Use a Python that brings SQLite 3.51.3 or later, or PostgreSQL; until then, back the database up.",
)


class Health(ResponseModel):
    """The process is alive. database_version: of SQLite or PostgreSQL; null before the first connection."""

    status: Literal["ok"] = "ok"
    version: str
    python: str
    database: str
    database_version: str | None
    warnings: list[Remark]


class Ready(ResponseModel):
    """The service can answer requests, and train if it has an embedded agent."""

    status: Literal["ready"] = "ready"


@router.get(
    "/health",
    operation_id="read_health",
    summary="Check that the process is alive",
    dependencies=[PUBLIC],
    responses=errors,
)
async def read_health(database: DatabaseDep) -> Health:
    """Check the process alone: this uses neither the database nor a thread."""
    dialect = database.engine.dialect
    number = tuple(each for each in dialect.server_version_info or () if isinstance(each, int))
    return Health(
        version=VERSION,
        python=platform.python_version(),
        database=dialect.name,
        database_version=".".join(map(str, number)) or None,
        warnings=[WAL_RESET_BUG] if database.is_sqlite and number and has_wal_reset_bug(number) else [],
    )


@router.get(
    "/ready",
    operation_id="read_ready",
    summary="Check that the service is ready",
    dependencies=[PUBLIC, run_on("probes")],
    responses=problems(InvalidQuery, NotReady),
)
def read_ready(request: Request, database: DatabaseDep) -> Ready:
    """Return 503 if the database is unreachable, read-only or not migrated, if the artifact store cannot be used, or
    if the embedded agent has stopped.

    The result counts for a second, that of the artifact store for a minute.
    """
    request.app.state.readiness.require(database, request.app.state.agent)
    return Ready()


@router.get(
    "/metrics",
    operation_id="read_prometheus",
    summary="Read metrics for Prometheus",
    dependencies=[allow("read")],
    response_class=Response,
    responses=errors | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def read_prometheus(request: Request, accept: Accept = "") -> Response:
    """Read metrics of the queue, the runs, the agents and the requests. Those of runs come from the database."""
    content, media_type = request.app.state.metrics.exposition(accept)
    return Response(content, media_type=media_type)


@router.get("/", include_in_schema=False, dependencies=[PUBLIC])
def read_index(accept: Accept = "") -> Response:
    """Send programs a list of links, and browsers to the page of experiments."""
    vary = {"Vary": "Accept"}
    if "text/html" in accept:
        return RedirectResponse("ui/experiments", status_code=303, headers=vary)
    return JSONResponse({"name": "holdout", "version": VERSION, "links": INDEX}, headers=vary)
