"""Row-level results of an experiment: each prediction of its selected epochs, and the rows that most seeds miss."""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, formats, problems
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import DatabaseDep, RowResultsDep
from service.api.routing.exports import export
from service.api.routing.parameters import (
    ROWS,
    ExperimentId,
    MisclassifiedQuery,
    PredictedRowsQuery,
    next_link,
    takes_all,
)
from service.api.routing.strict_route import StrictRoute
from service.experiments.row_errors import hardest_rows, misclassified
from service.experiments.row_results import ResultsPage, RowReader, runs_with_results
from service.experiments.task_checks import require_classes
from service.http import cursors
from service.http.conditional import PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.schemas.formats import represent
from service.schemas.row_results import Misclassified, PredictedRow, PredictedRowsPage
from service.store import experiment_reader, status_reader
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    NoRowResults,
    NotClassification,
    UnknownExperiment,
    UnknownRun,
    UnusableRowResults,
)

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    tags=["epochs"],
    dependencies=[allow("read")],
    route_class=StrictRoute,
)
responses = conditional() | problems(
    UnknownExperiment, UnknownRun, NoRowResults, UnusableRowResults, BlobStoreUnavailable, InvalidQuery
)


@router.get(
    "/predictions",
    operation_id="read_predictions",
    summary="Predictions, row by row",
    response_model=PredictedRowsPage,
    responses=responses
    | problems(UnknownExperiment, InvalidQuery, InvalidCursor, NotClassification)
    | formats(),
)
def read_predictions(
    experiment_id: ExperimentId,
    query: Annotated[PredictedRowsQuery, Query()],
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Response:
    """Read what the selected epoch of each run predicted for each validation row; in a cross-validation, for each
    row of its evaluation part. Of a regression, each row has a `target`, a `prediction` and a `loss`.
    `row` is the index in the data set as uploaded. Sealed test rows are never there.
    """
    start = query.start()
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        plan = experiment_reader.plan(connection, experiment_id)
        if query.wrong:
            require_classes(plan, experiment_id, "wrong rows")
        classes = plan["dataset"]["classes"]
        runs = runs_with_results(connection, experiment_id, query.runs)
    reader = RowReader(loader, runs, wrong=query.wrong)

    def items_of(page: ResultsPage) -> Iterable[PredictedRow]:
        return chain.from_iterable(
            PredictedRow.all_of(each.run, each.results, each.indices, classes) for each in page.stretches
        )

    if takes_all(query, wanted_format):
        pages = map(items_of, reader.pages(start, ROWS))
        return export(request, pages, PredictedRow, wanted_format, response.headers)
    page = reader.page(start, query.limit)
    following = next_link(request, cursors.encode(page.following)) if page.following else None
    items = PredictedRowsPage(items=list(items_of(page)), next=following)
    return represent(items, PredictedRow, wanted_format, response)


@router.get(
    "/errors",
    operation_id="read_errors",
    summary="The rows that most seeds get wrong",
    responses=responses | problems(NotClassification),
)
def read_errors(
    experiment_id: ExperimentId,
    query: Annotated[MisclassifiedQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    loader: RowResultsDep,
) -> Misclassified:
    """Read which validation rows most seeds get wrong, and what they are taken for. Look at these rows in your data:
    some may have a wrong label.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.state(connection, experiment_id))
        plan = experiment_reader.plan(connection, experiment_id)
        require_classes(plan, experiment_id, "wrong rows")
        dataset = plan["dataset"]
        runs = runs_with_results(connection, experiment_id, query.runs)
    hardest = hardest_rows(loader, runs, dataset_rows=dataset["rows"], limit=query.limit)
    return misclassified(hardest, runs=len(runs), classes=dataset["classes"])
