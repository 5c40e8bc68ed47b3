"""Charts as PNG, for what takes no SVG: each is the SVG of the same address, drawn in another process."""

import re
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from service.api import thread_limiters
from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, picture, problems
from service.api.routing.parameters import ExperimentId, MonitorId, SweepId
from service.api.routing.png_parameters import (
    ComparisonChart,
    ComparisonPngQuery,
    ExperimentChart,
    ExperimentPngQuery,
    PixelsQuery,
    SweepChart,
    SweepPngQuery,
)
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.charts.rasterizer import NoRasterizer, rasterize
from service.http.conditional import PreconditionDep, not_modified
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.pages.api_client import ApiClient
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    ImportanceTooLong,
    NoModel,
    NoRowResults,
    NoScores,
    NotClassification,
    NotRegression,
    RowsGone,
    UnknownExperiment,
    UnknownJob,
    UnknownMonitor,
    UnknownRun,
    UnknownSweep,
    UnusableModel,
    UnusableRowResults,
)

router = APIRouter(
    tags=["charts"],
    dependencies=[allow("read"), run_on("charts")],
    route_class=StrictRoute,
    default_response_class=Response,
)
shared = picture("The chart in pixels") | conditional()
REPEATED = ("cache-control", "content-type", "retry-after", "vary")
"""Headers of the SVG, or of the problem in its place, that are those of the picture too."""


@router.get(
    "/experiments/{experiment_id:number}/charts/{chart}.png",
    operation_id="read_chart_picture",
    summary="Chart of an experiment as PNG",
    responses=shared
    | problems(
        *(UnknownExperiment, UnknownRun, NoRowResults, NoScores, NotClassification, NotRegression),
        *(NoModel, UnusableModel, RowsGone, ImportanceTooLong, UnusableRowResults, InvalidQuery),
        *(UnknownJob, BlobStoreUnavailable, OutOfMemory, NoRasterizer),
    ),
)
async def read_chart_picture(
    experiment_id: ExperimentId,
    chart: ExperimentChart,
    query: Annotated[ExperimentPngQuery, Query()],
    request: Request,
    precondition: PreconditionDep,
) -> Response:
    """Draw a chart of an experiment in pixels: the SVG of the same address, which takes the same parameters."""
    path = f"/experiments/{experiment_id}/charts/{chart}.svg"
    return await _picture(request, path, query, precondition.if_none_match)


@router.get(
    "/comparisons/{chart}.png",
    operation_id="read_comparison_picture",
    summary="Chart of a comparison as PNG",
    responses=shared | problems(UnknownExperiment, InvalidQuery, NoRasterizer),
)
async def read_comparison_picture(
    chart: ComparisonChart,
    query: Annotated[ComparisonPngQuery, Query()],
    request: Request,
    precondition: PreconditionDep,
) -> Response:
    """Draw a chart of several experiments in pixels: the SVG of the same address, which takes the same parameters."""
    return await _picture(request, f"/comparisons/{chart}.svg", query, precondition.if_none_match)


@router.get(
    "/sweeps/{sweep_id:number}/{chart}.png",
    operation_id="read_sweep_picture",
    summary="Chart of a sweep as PNG",
    responses=shared | problems(UnknownSweep, InvalidQuery, NoRasterizer),
)
async def read_sweep_picture(
    sweep_id: SweepId,
    chart: SweepChart,
    query: Annotated[SweepPngQuery, Query()],
    request: Request,
    precondition: PreconditionDep,
) -> Response:
    """Draw a chart of a sweep in pixels: the SVG of the same address, which takes the same parameters."""
    return await _picture(request, f"/sweeps/{sweep_id}/{chart}.svg", query, precondition.if_none_match)


@router.get(
    "/monitors/{monitor_id:number}/chart.png",
    operation_id="read_monitor_picture",
    summary="Chart of a monitor as PNG",
    responses=shared | problems(UnknownMonitor, InvalidQuery, NoRasterizer),
)
async def read_monitor_picture(
    monitor_id: MonitorId,
    query: Annotated[PixelsQuery, Query()],
    request: Request,
    precondition: PreconditionDep,
) -> Response:
    """Draw the chart of a monitor in pixels: the SVG of the same address, which takes the same parameters."""
    return await _picture(request, f"/monitors/{monitor_id}/chart.svg", query, precondition.if_none_match)


async def _picture(request: Request, path: str, query: PixelsQuery, known: str) -> Response:
    """The picture of the chart at a path; 304 without drawing it; or the problem in place of the chart."""
    mark = f'-png{query.scale}"'
    given = query.model_dump(exclude_unset=True, exclude_none=True, exclude={"scale"})
    headers = {"accept": "image/svg+xml", "if-none-match": known.replace(mark, '"')}
    query_string = urlencode({**given, "theme": query.theme})
    reply = await ApiClient(request).send("GET", path, query=query_string, headers=headers)
    kept = {name: value for name, value in reply.headers.items() if name in REPEATED}
    if etag := reply.headers.get("etag"):
        kept["etag"] = re.sub('"$', mark, etag)
    if reply.status == 304:
        return not_modified(kept)
    if reply.status != 200:
        return Response(reply.content, reply.status, kept)
    content = await thread_limiters.CURRENT.get().run(partial(rasterize, reply.content.decode(), query.scale))
    return Response(content, headers={**kept, "content-type": "image/png"})
