"""The epochs of an experiment: metrics, figures per class, confusion matrices."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Row

from service.api.auth.authorization import allow
from service.api.live.long_polling import AwaitedQuery
from service.api.openapi.responses import conditional, formats, problems
from service.api.routing import positions
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.exports import export
from service.api.routing.parameters import (
    ClassesQuery,
    ConfusionQuery,
    ExperimentId,
    next_link,
    takes_all,
)
from service.api.routing.strict_route import StrictRoute
from service.experiments.majority import majority_accuracies
from service.experiments.task_checks import require_classes
from service.http.conditional import PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.schemas.epochs import (
    ClassesPage,
    ClassRow,
    Confusion,
    ConfusionMatrix,
    MetricsPage,
    MetricsRow,
)
from service.schemas.formats import link, represent
from service.store import experiment_reader, status_reader
from service.store.epochs.epoch_export import Extent, following_pages
from service.store.epochs.epoch_reader import EpochPage, read_page
from service.store.errors import NotClassification, UnknownExperiment
from service.store.tables import EpochClasses, EpochMetrics

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    tags=["epochs"],
    dependencies=[allow("read")],
    route_class=StrictRoute,
)
responses = problems(UnknownExperiment, InvalidQuery, InvalidCursor) | conditional()


@router.get(
    "/metrics",
    operation_id="read_metrics",
    summary="Metrics, epoch by epoch",
    response_model=MetricsPage,
    responses=responses | formats(),
)
def read_metrics(
    experiment_id: ExperimentId,
    query: AwaitedQuery,
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
) -> Response:
    """Read one flat row for each epoch, run and split, in this order. To follow a running experiment, read `next`
    until it is null. It keeps the position of each run, so no epoch is missed or repeated. With `?wait=20` the
    response comes as soon as there is a row. A cross-validation has a run for each repeat, fold and seed; the rows of
    its evaluation part, one for each run, come with `?split=evaluation` alone.
    """
    wanted = query.epoch_query()
    with database.read() as connection:
        state = status_reader.state(connection, experiment_id)
        precondition.require_modified(state)
        plan = experiment_reader.plan(connection, experiment_id)
        page = read_page(connection, EpochMetrics, experiment_id, wanted.with_fewer_points(len(state.runs)))
    majority = majority_accuracies(plan)
    if page.more and takes_all(query, wanted_format):
        extent = Extent({experiment_id: state})
        rest = following_pages(database, EpochMetrics, experiment_id, wanted, page, extent)
        if not state.is_over:
            link(response, next_link(request, positions.encode_runs(extent.end(wanted))))
        pages = (MetricsRow.all_of(rows, majority) for rows in chain([page.rows], rest))
        return export(request, pages, MetricsRow, wanted_format, response.headers)
    items = [*MetricsRow.all_of(page.rows, majority)]
    following = _next(request, page, growing=not state.is_over)
    return represent(MetricsPage(items=items, next=following), MetricsRow, wanted_format, response)


@router.get(
    "/classes",
    operation_id="read_classes",
    summary="Accuracy of each class",
    response_model=ClassesPage,
    responses=responses | formats(),
)
def read_classes(
    experiment_id: ExperimentId,
    query: Annotated[ClassesQuery, Query()],
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
) -> Response:
    """Read one flat row for each class, run and split, at the selected epoch of each run by default. The classes of a
    regression are bins of its targets, each with the errors of its rows.
    """
    wanted = query.epoch_query()
    with database.read() as connection:
        state = status_reader.state(connection, experiment_id)
        precondition.require_modified(state)
        classes = experiment_reader.plan(connection, experiment_id)["dataset"]["classes"]
        if takes_all(query, wanted_format):
            wanted = replace(wanted, limit=max(1, wanted.limit // len(classes)))
        page = read_page(connection, EpochClasses, experiment_id, wanted)

    def items_of(rows: Iterable[Row[Any]]) -> list[ClassRow]:
        return [item for row in rows for item in ClassRow.all_of(row, classes)]

    if page.more and takes_all(query, wanted_format):
        extent = Extent({experiment_id: state})
        rest = following_pages(database, EpochClasses, experiment_id, wanted, page, extent)
        pages = map(items_of, chain([page.rows], rest))
        return export(request, pages, ClassRow, wanted_format, response.headers)
    items = items_of(page.rows)
    return represent(ClassesPage(items=items, next=_next(request, page)), ClassRow, wanted_format, response)


@router.get(
    "/confusion",
    operation_id="read_confusion",
    summary="Confusion matrices",
    responses=responses | problems(NotClassification),
)
def read_confusion(
    experiment_id: ExperimentId,
    query: Annotated[ConfusionQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Confusion:
    """Read one matrix for each run and split. Its rows are the true classes, its columns the predicted ones."""
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        plan = experiment_reader.plan(connection, experiment_id)
        require_classes(plan, experiment_id, "confusion matrix")
        classes = plan["dataset"]["classes"]
        page = read_page(connection, EpochClasses, experiment_id, query.epoch_query())
    return Confusion(classes=classes, items=[ConfusionMatrix.of(row) for row in page.rows])


def _next(request: Request, page: EpochPage, *, growing: bool = False) -> str | None:
    """A link to the next page, if there are more rows or more may be added."""
    if not page.more and not growing:
        return None
    return next_link(request, positions.encode_runs(page.position) if page.position else None)
