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
    """Puts a spec into the queue. `{}` uses the default of every field. Each seed is a separate run.

    The answer comes at once; its `Location` is the address of the experiment. If the answer may get lost, send an
    `Idempotency-Key`: for 24 hours, the same request with the same key returns the experiment of the first one.
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
    summary="Validate a spec without running it",
    responses=problems(InvalidSpec, FilesUnavailable, body=True),
)
def validate_experiment(spec: Spec, library: Data, database: Store) -> Resolved:
    """Returns the spec with every default filled in, its hash, and facts such as the estimated duration of a run;
    or all errors in it at once.
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
    """Newest first. Follow `next` for the other pages; it stays valid while experiments are added or deleted."""
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
    """Its status and progress, its results so far, and findings on how far to trust them.

    Polling is cheap: send the `ETag` back as `If-None-Match`. With `?wait=20` the answer comes at the next change.
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
    """Queued runs are cancelled at once, running ones stop at their next step. Stored results are kept."""
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
    summary="Delete a finished experiment",
    responses=problems(UnknownExperiment, ExperimentActive, InvalidQuery),
)
def delete_experiment(experiment_id: ExperimentId, database: Store) -> None:
    """Deletes its runs, epochs and weights as well. This cannot be undone."""
    with database.write() as connection:
        ending.remove(connection, experiment_id)
