"""Charts of a sweep as SVG: the leaderboard, the candidates as parallel coordinates, which field mattered."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from service.api.auth.authorization import allow
from service.api.openapi.responses import chart, conditional, problems
from service.api.routing.chart_parameters import SweepChartQuery
from service.api.routing.charts import SVG, svg_response
from service.api.routing.dependencies import DatabaseDep, LeaderboardsDep
from service.api.routing.parameters import SweepId
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments.leaderboards import LeaderboardService, metric_of
from service.experiments.sweep_figures import effects_figure, leaderboard_figure, parallel_figure
from service.experiments.sweep_importance import importance_of
from service.http.conditional import Precondition, PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.leaderboards import Leaderboard
from service.store import sweep_reader, sweep_results_reader
from service.store.database import Database
from service.store.errors import UnknownSweep

router = APIRouter(
    prefix="/sweeps/{sweep_id:number}",
    tags=["charts"],
    dependencies=[allow("read"), run_on("charts")],
    route_class=StrictRoute,
    default_response_class=SVG,
)
responses = chart() | problems(UnknownSweep, InvalidQuery) | conditional()


@router.get(
    "/chart.svg",
    operation_id="read_leaderboard_chart",
    summary="Chart of the leaderboard of a sweep",
    responses=responses,
)
def read_leaderboard_chart(
    sweep_id: SweepId,
    query: Annotated[SweepChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    leaderboards: LeaderboardsDep,
) -> Response:
    """Draw the value of each candidate with its interval, the best first. The shapes mark the top group and the
    recommended candidate.
    """
    name, board = _leaderboard(sweep_id, query, precondition, database, leaderboards)
    figure = leaderboard_figure(name, board)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/parallel.svg",
    operation_id="read_parallel_chart",
    summary="Chart of the candidates of a sweep as parallel coordinates",
    responses=responses,
)
def read_parallel_chart(
    sweep_id: SweepId,
    query: Annotated[SweepChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    leaderboards: LeaderboardsDep,
) -> Response:
    """Draw a line for each candidate through its values of the swept fields and its value of the metric."""
    name, board = _leaderboard(sweep_id, query, precondition, database, leaderboards)
    figure = parallel_figure(name, board)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/importance.svg",
    operation_id="read_sweep_importance_chart",
    summary="Chart of which field of a sweep mattered",
    responses=responses,
)
def read_sweep_importance_chart(
    sweep_id: SweepId,
    query: Annotated[SweepChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Response:
    """Draw the mean value at each level of each swept field, as if the other fields were the same."""
    with database.read() as connection:
        row = sweep_reader.sweep(connection, sweep_id)
        metric = query.metric or metric_of(row)
        precondition.require_modified(metric, sweep_results_reader.version(connection, sweep_id))
        results = sweep_results_reader.results(connection, sweep_id)
    figure = effects_figure(_name(row), importance_of(sweep_id, metric, results))
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


def _leaderboard(
    sweep_id: int,
    query: SweepChartQuery,
    precondition: Precondition,
    database: Database,
    leaderboards: LeaderboardService,
) -> tuple[str, Leaderboard]:
    """The name of a sweep, and its leaderboard."""
    with database.read() as connection:
        row = sweep_reader.sweep(connection, sweep_id)
        metric = query.metric or metric_of(row)
        version = leaderboards.version(connection, row)
    precondition.require_modified(metric, version)
    return _name(row), leaderboards.get(row, metric, version)


def _name(row: Row[Any]) -> str:
    return f"{row.name or 'sweep'} ({row.id})"
