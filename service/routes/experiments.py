"""Experiments: submit, validate, list, read, cancel, retry, delete."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.live.long_polling import wait_for_change
from service.api.openapi.request_examples import SPECS
from service.api.openapi.responses import conditional, formats, problems
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import (
    CallerDep,
    DatabaseDep,
    FreeSpaceDep,
    IntervalsDep,
    MemoryDep,
    NotifierDep,
    RegistryDep,
    SettingsDep,
)
from service.api.routing.parameters import (
    ExperimentId,
    ExperimentQuery,
    ExperimentsQuery,
    IdempotencyKey,
    RunsQuery,
    next_link,
)
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments import lifecycle, row_records
from service.experiments.estimates import estimated_seconds
from service.experiments.intervals import NOT_COMPUTED, UNREADABLE
from service.experiments.progress import progress_of
from service.experiments.submission import SubmissionService
from service.experiments.summary import summarise
from service.free_space import StorageFull
from service.http import cursors
from service.http.conditional import UNCACHED, PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.schemas import experiment_table
from service.schemas.experiments import (
    Accepted,
    Experiment,
    ExperimentEdit,
    ExperimentPage,
    ExperimentRow,
    Resolved,
)
from service.schemas.formats import as_json, represent
from service.store import experiment_edits, experiment_lists, experiment_reader, spec_values, status_reader
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    ExperimentActive,
    ExperimentOver,
    KeyReused,
    NothingToRetry,
    QueueFull,
    UnknownExperiment,
)
from workers.plan import make_plan
from workers.spec import ExperimentSpec
from workers.validation.errors import InvalidSpec

router = APIRouter(prefix="/experiments", tags=["experiments"], route_class=StrictRoute)

Spec = Annotated[ExperimentSpec, Body(openapi_examples=SPECS)]


@router.post(
    "",
    status_code=202,
    operation_id="submit_experiment",
    dependencies=[allow("submit")],
    summary="Submit an experiment",
    responses=problems(
        InvalidSpec,
        KeyReused,
        QueueFull,
        InvalidQuery,
        BlobStoreUnavailable,
        OutOfMemory,
        StorageFull,
        body=True,
    ),
)
def submit_experiment(
    spec: Spec,
    response: Response,
    caller: CallerDep,
    settings: SettingsDep,
    database: DatabaseDep,
    registry: RegistryDep,
    notifier: NotifierDep,
    memory: MemoryDep,
    space: FreeSpaceDep,
    idempotency_key: IdempotencyKey = None,
) -> Accepted:
    """Queue an experiment. `{}` uses all defaults. Each seed is a separate run.

    The response comes at once: poll the URL in its `Location`. With an `Idempotency-Key`, retries are safe for 24
    hours: the same request with the same key returns the experiment of the first one.
    """
    submission = SubmissionService(
        database, registry, notifier, owner=caller.name, max_queued=settings.max_queued
    )
    space.require()
    with memory.reserve(registry.planning_bytes(spec.dataset)):
        experiment_id = submission.submit(spec, idempotency_key)
    with database.read() as connection:
        accepted = Accepted.of(experiment_reader.experiment(connection, experiment_id))
    response.headers.update({"Location": accepted.links["self"], "Retry-After": "1"})
    return accepted


@router.post(
    "/validate",
    operation_id="validate_experiment",
    dependencies=[allow("read"), run_on("plans")],
    summary="Validate a spec without running it",
    responses=problems(InvalidSpec, BlobStoreUnavailable, OutOfMemory, body=True),
)
def validate_experiment(
    spec: Spec, registry: RegistryDep, database: DatabaseDep, memory: MemoryDep
) -> Resolved:
    """Return the spec with every default filled in, its hash, and facts such as the estimated duration of a run;
    or all errors in it at once.
    """
    with memory.reserve(registry.planning_bytes(spec.dataset)):
        plan = make_plan(spec, registry)
    with database.read() as connection:
        return Resolved.of(plan, round(estimated_seconds(connection, plan), 3))


@router.get(
    "",
    operation_id="list_experiments",
    dependencies=[allow("read")],
    summary="List experiments",
    response_model=ExperimentPage,
    responses=problems(InvalidQuery, InvalidCursor) | conditional() | formats(),
)
def list_experiments(
    query: Annotated[ExperimentsQuery, Query()],
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    wanted_format: Wanted,
    database: DatabaseDep,
) -> Response:
    """List experiments: newest first, or in the order of any metric. Follow `next` to the other pages; it stays valid
    while experiments are added or deleted. A CSV has a column for each metric of `fields`.
    """
    metrics = query.metrics
    filters, conditions = query.filters, query.conditions
    with database.read() as connection:
        of_specs = spec_values.narrow(connection, conditions.of_specs)
        page = experiment_lists.page_of_ids(
            filters, conditions.of_metrics, of_specs, order=query.order, after=query.after, limit=query.limit
        )
        precondition.require_modified(status_reader.known_states(connection, page))
        rows = connection.execute(page).all()
        ids = [row.id for row in rows[: query.limit]]
        listed = experiment_reader.list_experiments(connection, ids, with_metrics=bool(metrics))
    items = [ExperimentRow.of(each, progress_of(each.runs), metrics) for each in listed]
    more = len(rows) > query.limit
    last = cursors.encode(query.position(rows[query.limit - 1])) if more else None
    following = next_link(request, last) if more else None
    if wanted_format == "csv":
        table_row = experiment_table.row_type(tuple(metrics))
        table = experiment_table.FlatPage(experiment_table.flat(table_row, items), following)
        return represent(table, table_row, wanted_format, response)
    return represent(ExperimentPage(items=items, next=following), ExperimentRow, wanted_format, response)


@router.get(
    "/{experiment_id:number}",
    operation_id="read_experiment",
    response_model=Experiment,
    dependencies=[allow("read"), Depends(wait_for_change)],
    summary="Read an experiment",
    responses=problems(UnknownExperiment, InvalidQuery) | conditional(),
)
def read_experiment(
    experiment_id: ExperimentId,
    query: Annotated[ExperimentQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    intervals: IntervalsDep,
) -> Response:
    """Read its status and progress, its results so far, and findings on how far to trust them.

    Polling is cheap: send the `ETag` back as `If-None-Match`. With `?wait=20` the response comes at the next change.
    """
    with database.read() as connection:
        state, position = experiment_reader.state_and_position(connection, experiment_id)
        precondition.require_modified(state, position)
        found = experiment_reader.find_experiment(connection, experiment_id, queue_position=position)
    of_means = intervals.known(found) if query.intervals == "known" else intervals.get(found)
    summary = summarise(found, of_means)
    experiment = Experiment.of(found, progress=progress_of(found.runs), summary=summary)
    may_change = of_means is UNREADABLE or of_means is NOT_COMPUTED
    return as_json(experiment, UNCACHED if may_change else precondition.headers)


@router.patch(
    "/{experiment_id:number}",
    operation_id="edit_experiment",
    dependencies=[allow("submit")],
    summary="Change the name, the tags or the note of an experiment",
    responses=problems(UnknownExperiment, InvalidSpec, InvalidQuery, body=True),
)
def edit_experiment(
    experiment_id: ExperimentId, edit: Annotated[ExperimentEdit, Body()], database: DatabaseDep
) -> ExperimentRow:
    """Change what people call it and say about it, in any status. What is left out of the body stays as it is; the
    hash of the spec does not depend on any of it.
    """
    with database.write() as connection:
        experiment_edits.edit(connection, experiment_id, **edit.model_dump(exclude_none=True))
        (listed,) = experiment_reader.list_experiments(connection, [experiment_id])
    return ExperimentRow.of(listed, progress_of(listed.runs))


@router.post(
    "/{experiment_id:number}/cancel",
    status_code=202,
    operation_id="cancel_experiment",
    dependencies=[allow("submit")],
    summary="Cancel an experiment",
    responses=problems(UnknownExperiment, ExperimentOver, InvalidQuery),
)
def cancel_experiment(experiment_id: ExperimentId, database: DatabaseDep, notifier: NotifierDep) -> Accepted:
    """Cancel queued runs at once, and stop running ones at their next step. Stored results are kept."""
    with database.write() as connection:
        lifecycle.cancel(connection, experiment_id, notifier)
        return Accepted.of(experiment_reader.experiment(connection, experiment_id))


@router.post(
    "/{experiment_id:number}/retry",
    status_code=202,
    operation_id="retry_experiment",
    dependencies=[allow("submit")],
    summary="Retry failed and cancelled runs",
    responses=problems(UnknownExperiment, NothingToRetry, InvalidQuery),
)
def retry_experiment(
    experiment_id: ExperimentId,
    query: Annotated[RunsQuery, Query()],
    database: DatabaseDep,
    notifier: NotifierDep,
) -> Accepted:
    """Queue failed and cancelled runs again, all of them or those with this seed, repeat and fold. They continue from
    their last checkpoint.

    Runs that succeeded stay as they are. Attempts and seconds start again from 0.
    """
    with database.write() as connection:
        lifecycle.retry(connection, experiment_id, query.runs, notifier)
        return Accepted.of(experiment_reader.experiment(connection, experiment_id))


@router.delete(
    "/{experiment_id:number}",
    status_code=204,
    operation_id="delete_experiment",
    dependencies=[allow("admin")],
    summary="Delete a finished experiment",
    responses=problems(UnknownExperiment, ExperimentActive, InvalidQuery),
)
def delete_experiment(experiment_id: ExperimentId, database: DatabaseDep, registry: RegistryDep) -> None:
    """Delete it with its runs, epochs and weights. This cannot be undone. Which rows it has used stays on record."""
    row_records.complete_records_of(database, registry, [experiment_id])
    with database.write() as connection:
        lifecycle.delete(connection, experiment_id)
