"""Row-level results of an experiment: each prediction of its selected epochs, and the rows that most seeds miss, also
as pictures.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, formats, picture, problems
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import DatabaseDep, MemoryDep, RegistryDep, RowResultsDep
from service.api.routing.exports import export
from service.api.routing.parameters import (
    ROWS,
    ExperimentId,
    MisclassifiedQuery,
    PredictedRowsQuery,
    RowIndex,
    next_link,
    takes_all,
)
from service.api.routing.strict_route import StrictRoute
from service.datasets.previews import NoPicture
from service.datasets.previews import picture as one_picture
from service.experiments.model_cache import stored_spec
from service.experiments.open_rows import open_row
from service.experiments.row_errors import hardest_rows, misclassified
from service.experiments.row_results import ResultsPage, RowReader, runs_with_results
from service.experiments.task_checks import require_classes
from service.http import cursors
from service.http.conditional import PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.png import png
from service.schemas.formats import represent
from service.schemas.row_results import Misclassified, PredictedRow, PredictedRowsPage
from service.store import experiment_reader, status_reader
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    NoRowResults,
    NotClassification,
    RowsGone,
    UnknownExperiment,
    UnknownRow,
    UnknownRun,
    UnusableModel,
    UnusableRowResults,
)
from service.store.run_keys import ALL_RUNS

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


@router.get(
    "/rows/{row}.png",
    operation_id="read_row_picture",
    summary="Picture of a row",
    response_class=Response,
    responses=responses
    | problems(UnknownExperiment, UnknownRow, NoRowResults, NoPicture, InvalidQuery)
    | problems(UnusableRowResults, UnusableModel, RowsGone)
    | problems(BlobStoreUnavailable, OutOfMemory)
    | picture("The image of the row"),
)
def read_row_picture(
    experiment_id: ExperimentId,
    row: RowIndex,
    precondition: PreconditionDep,
    database: DatabaseDep,
    registry: RegistryDep,
    memory: MemoryDep,
) -> Response:
    """Show a row that the experiment has trained, validated or evaluated on, if the data are images. Sealed test rows
    are never shown.
    """
    with database.read() as connection:
        experiment = experiment_reader.experiment(connection, experiment_id)
        runs_with_results(connection, experiment_id, ALL_RUNS)
    precondition.require_modified(experiment.plan["dataset"]["sha256"], experiment.spec["split"], row)
    source = stored_spec(experiment).dataset
    with memory.reserve(registry.planning_bytes(source)):
        found = open_row(registry, experiment, row)
    if found.shape is None:
        raise NoPicture(found.name)
    pixels = png(one_picture(found.features[0], found.shape))
    return Response(pixels, media_type="image/png", headers=precondition.headers)
