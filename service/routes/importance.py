"""The permutation importance of an experiment's columns, as figures and as a chart."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import chart, conditional, formats, problems
from service.api.routing.chart_parameters import ImportanceChartQuery
from service.api.routing.charts import SVG, svg_response
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import ImportanceDep
from service.api.routing.parameters import ExperimentId, FormattedImportanceQuery
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments.chart_figures import importance_figure
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.formats import represent
from service.schemas.importance import ColumnImportance, Importance
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    ImportanceTooLong,
    NoModel,
    RowsGone,
    UnknownExperiment,
    UnknownRun,
    UnusableModel,
)

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    dependencies=[allow("read"), run_on("importance")],
    route_class=StrictRoute,
)
responses = (
    problems(
        *(UnknownExperiment, UnknownRun, NoModel, UnusableModel),
        *(RowsGone, ImportanceTooLong, InvalidQuery, BlobStoreUnavailable),
    )
    | conditional()
)


@router.get(
    "/importance",
    operation_id="read_importance",
    summary="Permutation importance of the columns",
    tags=["models"],
    response_model=Importance,
    responses=responses | formats(),
)
def read_importance(
    experiment_id: ExperimentId,
    query: Annotated[FormattedImportanceQuery, Query()],
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    importance: ImportanceDep,
) -> Response:
    """Read how much worse the metric that selects epochs becomes if the cells of a column change places between rows,
    so that the column no longer belongs to them: of each original column, by its name; of images, of each of at most
    8 x 8 regions. It is measured on the validation part, and of a cross-validation on the evaluation part of each
    fold, with the model of each run that has succeeded. The rows are sampled so that it takes a few seconds; it is
    computed on the first request, and then cached.
    """
    runs = importance.models_of(experiment_id, query.runs)
    precondition.require_modified([(run.id, run.sha256) for run in runs], query.repeats)
    found = importance.get(experiment_id, runs, query.repeats)
    return represent(found, ColumnImportance, wanted_format, response)


@router.get(
    "/charts/importance.svg",
    operation_id="read_importance_chart",
    summary="Chart of the importance of the columns",
    tags=["charts"],
    response_class=SVG,
    responses=responses | chart(),
)
def read_importance_chart(
    experiment_id: ExperimentId,
    query: Annotated[ImportanceChartQuery, Query()],
    precondition: PreconditionDep,
    importance: ImportanceDep,
) -> Response:
    """Draw the importance of the most important columns, each with its interval."""
    runs = importance.models_of(experiment_id, query.runs)
    precondition.require_modified([(run.id, run.sha256) for run in runs], query.repeats)
    figure = importance_figure(importance.get(experiment_id, runs, query.repeats))
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)
