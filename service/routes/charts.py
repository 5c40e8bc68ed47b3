"""Charts of an experiment as SVG: curves, classes, confusion matrix, ROC, precision and recall, reliability."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from service.api.auth.authorization import allow
from service.api.openapi.responses import chart, conditional, problems
from service.api.routing.chart_parameters import CanvasQuery, ChartQuery, CurvesChartQuery, ScoresChartQuery
from service.api.routing.charts import SVG, svg_response
from service.api.routing.curve_parameters import index_of_class
from service.api.routing.dependencies import CurvesDep, DatabaseDep, IntervalsDep, RowResultsDep
from service.api.routing.parameters import ExperimentId
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.charts.sparkline import sparkline
from service.experiments import chart_figures
from service.experiments.curves import curves_of, reliability_of
from service.experiments.intervals import NOT_ENDED, UNREADABLE
from service.experiments.predicted_numbers import predicted_figure
from service.experiments.row_results import RowResultsLoader, runs_with_results
from service.experiments.scored_runs import scored_runs
from service.experiments.summary import summarise
from service.experiments.task_checks import require_classes, require_numbers
from service.http.conditional import UNCACHED, Precondition, PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.curves import Curves
from service.store import experiment_reader, status_reader
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.database import Database
from service.store.epochs.curve_reader import read_curve
from service.store.epochs.epoch_reader import MAX_ROWS, EpochQuery, read_page
from service.store.errors import (
    NoRowResults,
    NoScores,
    NotClassification,
    NotRegression,
    UnknownExperiment,
    UnknownRun,
    UnusableRowResults,
)
from service.store.run_keys import ALL_RUNS, RunKey
from service.store.spec_facts import measured_part
from service.store.tables import EpochClasses

CURVE_POINTS, SPARKLINE_POINTS = 240, 40
router = APIRouter(
    prefix="/experiments/{experiment_id:number}/charts",
    tags=["charts"],
    dependencies=[allow("read"), run_on("charts")],
    route_class=StrictRoute,
    default_response_class=SVG,
)
responses = chart() | problems(UnknownExperiment, InvalidQuery) | conditional()
of_scores = responses | problems(
    *(UnknownExperiment, UnknownRun, NoRowResults, NoScores),
    *(UnusableRowResults, InvalidQuery, BlobStoreUnavailable),
)


@router.get(
    "/curves.svg",
    operation_id="read_curves_chart",
    summary="Chart of a metric over the epochs",
    responses=responses,
)
def read_curves_chart(
    experiment_id: ExperimentId,
    query: Annotated[CurvesChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    curves: CurvesDep,
) -> Response:
    """Draw a metric of training and validation, epoch by epoch: the mean over the runs, and a band from the least to
    the largest. Selected epochs and baselines are marked.
    """
    with database.read() as connection:
        state = status_reader.state(connection, experiment_id)
        precondition.require_modified(state)
        found = experiment_reader.find_experiment(connection, experiment_id)
        metric = query.metric or chart_figures.selection_metric(found.experiment)
        points = curves.read(connection, experiment_id, state, metric, query.runs, points=CURVE_POINTS)
    runs = [run for run in found.runs if query.runs.matches(RunKey.of(run))]
    summary = summarise(found, NOT_ENDED)
    figure = chart_figures.curves_figure(found.experiment, runs, summary, metric, points)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/sparkline.svg",
    operation_id="read_sparkline",
    summary="The metric that selects epochs, as a small line",
    responses=responses,
)
def read_sparkline(
    experiment_id: ExperimentId,
    query: Annotated[CanvasQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Response:
    """Draw the metric that selects epochs, on the validation part, without axes. `width` has no effect."""
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        metric = chart_figures.selection_metric(experiment_reader.experiment(connection, experiment_id))
        points = read_curve(connection, experiment_id, metric, ALL_RUNS, points=SPARKLINE_POINTS)
    values = [each.mean for each in points if each.split == "validation"]
    name = f"validation {metric.replace('_', ' ')}"
    return svg_response(sparkline(name, values, query.theme), query.theme, precondition.headers)


@router.get(
    "/classes.svg",
    operation_id="read_classes_chart",
    summary="Chart of the accuracy of each class",
    responses=responses,
)
def read_classes_chart(
    experiment_id: ExperimentId,
    query: Annotated[CanvasQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    intervals: IntervalsDep,
) -> Response:
    """Draw the accuracy of each class in the summary, with its interval, its rows, and that of a baseline. Of a
    regression, draw the mean absolute error of each bin of the targets.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        found = experiment_reader.find_experiment(connection, experiment_id)
    of_means = intervals.get(found)
    figure = chart_figures.classes_figure(found.experiment, summarise(found, of_means))
    headers = UNCACHED if of_means is UNREADABLE else precondition.headers
    return svg_response(figure.svg(query.canvas), query.theme, headers)


@router.get(
    "/confusion.svg",
    operation_id="read_confusion_chart",
    summary="Chart of the confusion matrix",
    responses=responses | problems(NotClassification),
)
def read_confusion_chart(
    experiment_id: ExperimentId,
    query: Annotated[ChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Response:
    """Draw the matrices of the runs, added up, at their selected epochs: true classes in rows, predicted ones in
    columns.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        experiment = experiment_reader.experiment(connection, experiment_id)
        require_classes(experiment.plan, experiment_id, "confusion matrix")
        split = measured_part(experiment.spec)
        wanted = EpochQuery(split, query.runs, "best", limit=MAX_ROWS)
        rows = read_page(connection, EpochClasses, experiment_id, wanted).rows
    figure = chart_figures.confusion_figure(experiment, rows, split)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/predictions.svg",
    operation_id="read_predictions_chart",
    summary="Chart of predicted against true numbers",
    responses=responses
    | problems(
        *(UnknownExperiment, UnknownRun, NoRowResults, NotRegression),
        *(UnusableRowResults, InvalidQuery, BlobStoreUnavailable),
    ),
)
def read_predictions_chart(
    experiment_id: ExperimentId,
    query: Annotated[ChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Draw how many rows of a regression have which true and which predicted number, at the selected epochs of the
    runs, and below the quantiles of the errors.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        experiment = experiment_reader.experiment(connection, experiment_id)
        require_numbers(experiment.plan, experiment_id)
        runs = runs_with_results(connection, experiment_id, query.runs)
    name, part = chart_figures.name_of(experiment), measured_part(experiment.spec)
    figure = predicted_figure(name, part, runs, loader)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/roc.svg",
    operation_id="read_roc_chart",
    summary="Chart of the ROC curves of two classes",
    responses=of_scores,
)
def read_roc_chart(
    experiment_id: ExperimentId,
    query: Annotated[ScoresChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Draw the curve of each run that has succeeded, with the area under it and DeLong's interval."""
    experiment, curves = _score_curves(experiment_id, query, precondition, database, loader)
    figure = chart_figures.roc_figure(experiment, curves)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/pr.svg",
    operation_id="read_precision_recall_chart",
    summary="Chart of precision and recall of two classes",
    responses=of_scores,
)
def read_precision_recall_chart(
    experiment_id: ExperimentId,
    query: Annotated[ScoresChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Draw the curve of each run that has succeeded, with its average precision."""
    experiment, curves = _score_curves(experiment_id, query, precondition, database, loader)
    figure = chart_figures.precision_recall_figure(experiment, curves)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


@router.get(
    "/reliability.svg",
    operation_id="read_reliability_chart",
    summary="Chart of the calibration of an experiment",
    responses=of_scores,
)
def read_reliability_chart(
    experiment_id: ExperimentId,
    query: Annotated[ChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Draw how often each run was right over how sure it was, and below how many rows that concerns."""
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
    found = scored_runs(database, loader, experiment_id, query.runs, classes=None)
    figure = chart_figures.reliability_figure(found.experiment, reliability_of(found))
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


def _score_curves(
    experiment_id: int,
    query: ScoresChartQuery,
    precondition: Precondition,
    database: Database,
    loader: RowResultsLoader,
) -> tuple[Row[Any], Curves]:
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
    found = scored_runs(database, loader, experiment_id, query.runs, classes=2)
    positive = index_of_class(query.positive, found.experiment.plan["dataset"]["classes"])
    return found.experiment, curves_of(found, positive, CURVE_POINTS)
