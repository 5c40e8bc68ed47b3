"""Experiments: submit, validate, list, read, cancel, delete."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from service.api.dependencies import Asking, Bell, Configured, Data, Doorbell, Store
from service.api.examples import SPECS
from service.api.kept import renewable
from service.api.openapi import conditional, problems
from service.api.parameters import ExperimentId, Filtering, IdempotencyKey, next_link
from service.api.security import allow
from service.api.strict import StrictRoute
from service.api.waiting import Changed
from service.experiments import ending
from service.experiments.estimates import estimated_seconds
from service.experiments.submission import Reception
from service.http import cursors
from service.http.conditional import Condition, Known
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.schemas.experiments import Accepted, Experiment, ExperimentPage, ExperimentRow, Resolved
from service.schemas.formats import as_json, link
from service.store import queries, states
from service.store.database import Database
from service.store.errors import ExperimentActive, ExperimentOver, KeyReused, QueueFull, UnknownExperiment
from service.store.files import FilesUnavailable
from workers.faults import InvalidSpec
from workers.plan import make_plan
from workers.spec import ExperimentSpec

router = APIRouter(prefix="/experiments", tags=["experiments"], route_class=StrictRoute)

Spec = Annotated[ExperimentSpec, Body(openapi_examples=SPECS)]


@router.post(
    "",
    status_code=202,
    operation_id="submit_experiment",
    dependencies=[allow("submit")],
    summary="Submit an experiment",
    responses=problems(InvalidSpec, KeyReused, QueueFull, InvalidQuery, FilesUnavailable, body=True),
)
def submit_experiment(
    spec: Spec,
    response: Response,
    asking: Asking,
    settings: Configured,
    database: Store,
    library: Data,
    engine: Bell,
    ring: Doorbell,
    idempotency_key: IdempotencyKey = None,
) -> Accepted:
    """Queue a spec: `{}` is one of nothing but defaults. Each of its seeds is a run of its own.

    The answer comes at once; `Location` is where to read how far it is. Who sends an `Idempotency-Key` may send
    the same again, should the answer be lost: for 24 hours it is answered with the experiment that it made.
    """
    reception = Reception(database, library, engine, owner=asking.name, max_queued=settings.max_queued)
    experiment_id = reception.accept(spec, idempotency_key)
    ring()
    with database.read() as connection:
        accepted = Accepted.of(queries.experiment(connection, experiment_id))
    response.headers.update({"Location": accepted.links["self"], "Retry-After": "1"})
    return accepted


@router.post(
    "/validate",
    operation_id="validate_experiment",
    dependencies=[allow("read")],
    summary="Say what a spec means, without running it",
    responses=problems(InvalidSpec, FilesUnavailable, body=True),
)
def validate_experiment(spec: Spec, library: Data, database: Store) -> Resolved:
    """The resolved spec, its hash, and what follows from it, such as how long a run will take; or everything that
    is wrong with it at once.
    """
    plan = make_plan(spec, library)
    with database.read() as connection:
        return Resolved.of(plan, round(estimated_seconds(connection, plan), 3))


@router.get(
    "",
    operation_id="list_experiments",
    dependencies=[allow("read")],
    summary="List experiments",
    responses=problems(InvalidQuery, InvalidCursor) | conditional(),
)
def list_experiments(
    query: Annotated[Filtering, Query()],
    request: Request,
    response: Response,
    known: Known,
    database: Store,
) -> ExperimentPage:
    """The newest first. `next` leads to the rest; it stays right while experiments are added or deleted."""
    page = queries.page(query.filters, ascending=query.sort == "id", after=query.after, limit=query.limit)
    with database.read() as connection:
        known.require_news(states.known_states(connection, page))
        listed, more = queries.list_experiments(connection, page, limit=query.limit)
    items = [ExperimentRow.of(each) for each in listed]
    following = next_link(request, cursors.encode(items[-1].id)) if more else None
    link(response, following)
    return ExperimentPage(items=items, next=following)


@router.get(
    "/{experiment_id:number}",
    operation_id="read_experiment",
    response_model=Experiment,
    dependencies=[allow("read")],
    summary="Read an experiment",
    responses=problems(UnknownExperiment, InvalidQuery) | conditional(),
)
def read_experiment(
    experiment_id: ExperimentId, request: Request, _changed: Changed, known: Known, database: Store
) -> Response:
    """Where it stands, what came out so far, and whether that means anything.

    Cheap to poll: send the `ETag` back as `If-None-Match`, and `?wait=20` to be answered as soon as it changes.
    """
    return renewable(request, known, partial(_experiment, database, experiment_id))


def _experiment(database: Database, experiment_id: int, known: Condition) -> Response:
    with database.read() as connection:
        state, position = queries.standing(connection, experiment_id)
        known.require_news(state, position)
        found = queries.find_experiment(connection, experiment_id, queue_position=position)
    return as_json(Experiment.of(found), known.headers)


@router.post(
    "/{experiment_id:number}/cancel",
    status_code=202,
    operation_id="cancel_experiment",
    dependencies=[allow("submit")],
    summary="Cancel an experiment",
    responses=problems(UnknownExperiment, ExperimentOver, InvalidQuery),
)
def cancel_experiment(experiment_id: ExperimentId, database: Store, ring: Doorbell) -> Accepted:
    """What is queued is cancelled at once; what runs stops at its next step. What was stored stays."""
    with database.write() as connection:
        ending.cancel(connection, experiment_id)
        accepted = Accepted.of(queries.experiment(connection, experiment_id))
    ring()
    return accepted


@router.delete(
    "/{experiment_id:number}",
    status_code=204,
    operation_id="delete_experiment",
    dependencies=[allow("admin")],
    summary="Delete an experiment that is over",
    responses=problems(UnknownExperiment, ExperimentActive, InvalidQuery),
)
def delete_experiment(experiment_id: ExperimentId, database: Store) -> None:
    """With its runs, epochs and weights. There is no way back."""
    with database.write() as connection:
        ending.remove(connection, experiment_id)
