"""Robustness: measure an experiment's models on corrupted rows, as a job; its report, and the report as a chart."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import chart, conditional, formats, problems
from service.api.routing.chart_parameters import CanvasQuery
from service.api.routing.charts import SVG, svg_response
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import CallerDep, DatabaseDep, NotifierDep, SettingsDep
from service.api.routing.parameters import ExperimentId, FormatQuery
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments import robustness
from service.experiments.chart_figures import robustness_figure
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.formats import as_json, represent
from service.schemas.robustness import RobustnessJob, RobustnessRow, RobustnessRows
from service.store import experiment_reader, jobs
from service.store.errors import JobOver, NoModel, QueueFull, UnknownExperiment, UnknownJob
from workers.corruptions.choice import Robustness
from workers.validation.errors import InvalidSpec

router = APIRouter(prefix="/experiments/{experiment_id:number}", route_class=StrictRoute)


@router.post(
    "/robustness",
    status_code=202,
    operation_id="measure_robustness",
    dependencies=[allow("submit")],
    summary="Measure the models on corrupted rows",
    tags=["models"],
    responses=problems(UnknownExperiment, NoModel, InvalidSpec, QueueFull, InvalidQuery, body=True),
)
def measure_robustness(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    notifier: NotifierDep,
    caller: CallerDep,
    settings: SettingsDep,
    response: Response,
    wanted: Annotated[Robustness, Body()] = Robustness(),  # noqa: B008 -- frozen
) -> RobustnessJob:
    """Queue a report on how much worse the models become when the rows that measured them are corrupted: noise, blur,
    contrast, position and more of images; noise, missing columns, unseen levels, wrong units and swapped columns of
    tables; each in five severities. Workers carry it out, one step after the other; poll the URL in `Location`.

    The same request about the same models returns the report that is there, and continues one that failed or was
    cancelled. Another one takes its place.
    """
    with database.write() as connection:
        robustness.request(
            connection, experiment_id, caller.name, wanted, notifier, max_queued=settings.max_queued
        )
        job = jobs.read(connection, experiment_id, "robustness")
    response.headers.update({"Location": f"/experiments/{experiment_id}/robustness", "Retry-After": "1"})
    return RobustnessJob.of(job)


@router.get(
    "/robustness",
    operation_id="read_robustness",
    dependencies=[allow("read")],
    summary="Read the report on corrupted rows",
    tags=["models"],
    response_model=RobustnessJob,
    responses=problems(UnknownExperiment, UnknownJob, InvalidQuery) | conditional() | formats(),
)
def read_robustness(
    experiment_id: ExperimentId,
    query: Annotated[FormatQuery, Query()],  # noqa: ARG001 -- `Wanted` reads it
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
) -> Response:
    """Read the report, or how far it is: accuracy, balanced accuracy and the accuracy of each class under each
    corruption and severity, how much worse they are than on the same rows as they are, and the means. Of a
    regression, the metric that selects epochs.
    """
    with database.read() as connection:
        job = jobs.read(connection, experiment_id, "robustness")
    precondition.require_modified(robustness.version(job))
    found = RobustnessJob.of(job)
    if wanted_format != "json":
        return represent(RobustnessRows.of(found.report), RobustnessRow, wanted_format, response)
    return as_json(found, precondition.headers)


@router.post(
    "/robustness/cancel",
    status_code=202,
    operation_id="cancel_robustness",
    dependencies=[allow("submit")],
    summary="Cancel the report on corrupted rows",
    tags=["models"],
    responses=problems(UnknownExperiment, UnknownJob, JobOver, InvalidQuery),
)
def cancel_robustness(
    experiment_id: ExperimentId, database: DatabaseDep, notifier: NotifierDep
) -> RobustnessJob:
    """Cancel it if it is queued, or stop it in about a second. Its steps are kept: a new request continues."""
    with database.write() as connection:
        jobs.request_cancel(connection, experiment_id, "robustness")
        notifier.wake(connection, experiment_id, queued_runs=0)
        return RobustnessJob.of(jobs.read(connection, experiment_id, "robustness"))


@router.get(
    "/charts/robustness.svg",
    operation_id="read_robustness_chart",
    dependencies=[allow("read"), run_on("charts")],
    summary="Chart of the report on corrupted rows",
    tags=["charts"],
    response_class=SVG,
    responses=problems(UnknownExperiment, UnknownJob, InvalidQuery) | conditional() | chart(),
)
def read_robustness_chart(
    experiment_id: ExperimentId,
    query: Annotated[CanvasQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Response:
    """Draw each corruption in each severity as a heat map: the metric, shaded by the share that is lost."""
    with database.read() as connection:
        job = jobs.read(connection, experiment_id, "robustness")
        precondition.require_modified(robustness.version(job))
        experiment = experiment_reader.experiment(connection, experiment_id)
    figure = robustness_figure(experiment, RobustnessJob.of(job))
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)
