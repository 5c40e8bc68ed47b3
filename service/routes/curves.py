"""Curves and operating points of two classes, and reliability bins, of the selected epochs of an experiment."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, formats, problems
from service.api.routing.content_negotiation import Wanted
from service.api.routing.curve_parameters import CurvesQuery, ReliabilityQuery
from service.api.routing.dependencies import DatabaseDep, RowResultsDep
from service.api.routing.parameters import ExperimentId, RunsQuery
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments.curves import curves_of, reliability_of
from service.experiments.operating_points import operating_points
from service.experiments.scored_runs import scored_runs
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.curves import CurveRow, Curves, OperatingPoints, Reliability, ReliabilityRow
from service.schemas.formats import represent
from service.store import status_reader
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    NoRowResults,
    NoScores,
    NotClassification,
    NoThreshold,
    UnknownExperiment,
    UnknownRun,
    UnusableModel,
    UnusableRowResults,
)

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    tags=["epochs"],
    dependencies=[allow("read")],
    route_class=StrictRoute,
)
responses = (
    problems(
        *(UnknownExperiment, UnknownRun, NoRowResults, NoScores, NotClassification),
        *(UnusableRowResults, InvalidQuery, BlobStoreUnavailable),
    )
    | conditional()
    | formats()
)


@router.get(
    "/curves",
    operation_id="read_curves",
    summary="ROC and precision-recall curves of two classes",
    response_model=Curves,
    responses=responses,
)
def read_curves(
    experiment_id: ExperimentId,
    query: Annotated[CurvesQuery, Query()],
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Read the curves of each run that has succeeded, at its selected epoch, with the areas under them. Each has at
    most 500 points, both ends among them. They need two classes: of each row, the probability of its true class is
    stored, which says that of the other one only if there are two.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
    found = scored_runs(database, loader, experiment_id, query.runs, classes=2)
    positive = query.positive_index(found.experiment.plan["dataset"]["classes"])
    return represent(curves_of(found, positive, query.max_points), CurveRow, wanted_format, response)


@router.get(
    "/operating-points",
    operation_id="read_operating_points",
    summary="Thresholds of the models",
    dependencies=[run_on("models")],
    responses=problems(
        *(UnknownExperiment, UnknownRun, NoRowResults, NoScores, NotClassification, NoThreshold),
        *(UnusableRowResults, UnusableModel, InvalidQuery, BlobStoreUnavailable),
    )
    | conditional(),
)
def read_operating_points(
    experiment_id: ExperimentId,
    query: Annotated[RunsQuery, Query()],
    request: Request,
    precondition: PreconditionDep,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> OperatingPoints:
    """Read the threshold of each run that has succeeded, if the spec asks for one. It was chosen on the validation
    rows, so figures on the same rows are too good; those on the evaluation part of a cross-validation are not.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
    found = scored_runs(database, loader, experiment_id, query.runs, classes=2)
    return OperatingPoints(items=operating_points(found, request.app.state.models))


@router.get(
    "/reliability",
    operation_id="read_reliability",
    summary="Reliability bins behind the calibration error",
    response_model=Reliability,
    responses=responses,
)
def read_reliability(
    experiment_id: ExperimentId,
    query: Annotated[ReliabilityQuery, Query()],
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Read, for each run that has succeeded, 15 bins of the probability of the predicted class at its selected epoch:
    how many rows, how sure the model was of them, and how many it had right.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
    found = scored_runs(database, loader, experiment_id, query.runs, classes=None)
    return represent(reliability_of(found), ReliabilityRow, wanted_format, response)
