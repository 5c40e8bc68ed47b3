"""The metrics of several experiments in one call."""

from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, formats, problems
from service.api.routing import positions
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.exports import export
from service.api.routing.parameters import EpochsOfManyQuery, next_link, takes_all
from service.api.routing.strict_route import StrictRoute
from service.experiments.majority import majority_accuracies
from service.http.conditional import PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.schemas.epochs import EpochRow, EpochsPage
from service.schemas.formats import represent
from service.store import experiment_reader, status_reader
from service.store.epochs.epoch_export import Extent, following_pages_of_many
from service.store.epochs.epoch_reader import position_of, read_page_of_many
from service.store.errors import UnknownExperiment

router = APIRouter(tags=["epochs"], route_class=StrictRoute)


@router.get(
    "/epochs",
    operation_id="read_epochs",
    dependencies=[allow("read")],
    summary="Metrics of several experiments",
    response_model=EpochsPage,
    responses=problems(UnknownExperiment, InvalidQuery, InvalidCursor) | conditional() | formats(),
)
def read_epochs(
    query: Annotated[EpochsOfManyQuery, Query()],
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
) -> Response:
    """Read the rows of `/experiments/{id}/metrics` of several experiments, with their numbers, ordered by experiment,
    epoch, run and split. `next` pages through the rows that exist now; to follow running experiments, send the
    request again with the `ETag`.
    """
    wanted, after, ids = query.epoch_query(), query.position, query.experiments
    with database.read() as connection:
        found = status_reader.states(connection, ids)
        precondition.require_modified(found)
        wanted = wanted.with_fewer_points(sum(len(state.runs) for state in found.values()))
        rows, more = read_page_of_many(connection, ids, wanted, after)
        plans = experiment_reader.plans(connection, ids)
    majorities = {id_: majority_accuracies(plan) for id_, plan in plans.items()}
    if more and takes_all(query, wanted_format):
        rest = following_pages_of_many(database, ids, wanted, position_of(rows[-1]), Extent(found))
        pages = (
            (EpochRow.of(row, majorities[row.experiment_id]) for row in page) for page in chain([rows], rest)
        )
        return export(request, pages, EpochRow, wanted_format, response.headers)
    items = [EpochRow.of(row, majorities[row.experiment_id]) for row in rows]
    following = next_link(request, positions.encode_row(position_of(rows[-1]))) if more else None
    return represent(EpochsPage(items=items, next=following), EpochRow, wanted_format, response)
