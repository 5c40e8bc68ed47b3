"""Sweeps: submit, validate, list, read, cancel, retry, delete; and their candidates."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.live.long_polling import wait_for_sweep
from service.api.openapi.request_examples import SWEEPS
from service.api.openapi.responses import conditional, problems
from service.api.routing.dependencies import (
    CallerDep,
    DatabaseDep,
    FreeSpaceDep,
    LeaderboardsDep,
    MemoryDep,
    NotifierDep,
    RegistryDep,
    SettingsDep,
)
from service.api.routing.parameters import (
    LAST_CANDIDATE,
    LAST_ID,
    IdempotencyKey,
    LeaderboardQuery,
    SweepId,
    SweepsQuery,
    next_link,
)
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments import row_records, sweeps
from service.experiments.estimates import estimates
from service.experiments.leaderboards import metric_of
from service.experiments.progress import progress_of_sweep
from service.experiments.sweep_importance import importance_of
from service.experiments.sweeps import SweepService
from service.free_space import StorageFull
from service.http import cursors
from service.http.conditional import PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.schemas.formats import as_json, link
from service.schemas.leaderboards import Leaderboard, SweepImportance
from service.schemas.sweeps import (
    ResolvedSweep,
    Sweep,
    SweepCandidate,
    SweepCandidatePage,
    SweepPage,
    SweepRow,
)
from service.store import sweep_reader, sweep_results_reader
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.database import Database
from service.store.errors import (
    KeyReused,
    NothingToRetryInSweep,
    QueueFull,
    SweepActive,
    SweepOver,
    UnknownSweep,
)
from workers.sweeps.candidates import plan_sweep
from workers.sweeps.request import SweepRequest
from workers.validation.errors import InvalidSpec

router = APIRouter(prefix="/sweeps", tags=["sweeps"], route_class=StrictRoute)

GivenSweep = Annotated[SweepRequest, Body(openapi_examples=SWEEPS)]


@router.post(
    "",
    status_code=202,
    operation_id="submit_sweep",
    dependencies=[allow("submit")],
    summary="Submit a sweep",
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
def submit_sweep(
    request: GivenSweep,
    response: Response,
    caller: CallerDep,
    settings: SettingsDep,
    database: DatabaseDep,
    registry: RegistryDep,
    notifier: NotifierDep,
    memory: MemoryDep,
    space: FreeSpaceDep,
    idempotency_key: IdempotencyKey = None,
) -> SweepRow:
    """Queue an experiment for each candidate, all or none. Runs of a sweep wait for the single experiments of their
    owner with the same priority. With an `Idempotency-Key`, retries are safe for 24 hours.
    """
    service = SweepService(database, registry, notifier, owner=caller.name, max_queued=settings.max_queued)
    space.require()
    with memory.reserve(registry.planning_bytes(request.spec.dataset)):
        sweep_id = service.submit(request, idempotency_key)
    row = _row(database, sweep_id)
    response.headers.update({"Location": row.links["self"], "Retry-After": "1"})
    return row


@router.post(
    "/validate",
    operation_id="validate_sweep",
    dependencies=[allow("read"), run_on("plans")],
    summary="Validate a sweep without running it",
    responses=problems(InvalidSpec, BlobStoreUnavailable, OutOfMemory, body=True),
)
def validate_sweep(
    request: GivenSweep, registry: RegistryDep, database: DatabaseDep, memory: MemoryDep
) -> ResolvedSweep:
    """Return the candidates, with their estimated duration; or everything that is wrong with the space, the base spec
    and the specs of candidates.
    """
    with memory.reserve(registry.planning_bytes(request.spec.dataset)):
        plan = plan_sweep(request, registry)
    with database.read() as connection:
        return ResolvedSweep.of(plan, estimates(connection, [each.plan for each in plan.candidates]))


@router.get(
    "",
    operation_id="list_sweeps",
    dependencies=[allow("read")],
    summary="List sweeps",
    responses=problems(InvalidQuery, InvalidCursor) | conditional(),
)
def list_sweeps(
    query: Annotated[SweepsQuery, Query()],
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> SweepPage:
    """List sweeps, newest first. Follow `next` to the other pages."""
    with database.read() as connection:
        rows, more = sweep_reader.page(connection, after=query.after(LAST_ID), limit=query.limit)
        states = sweep_reader.states(connection, rows)
        precondition.require_modified(states, more)
    items = [SweepRow.of(row, states[row.id], progress_of_sweep(states[row.id])) for row in rows]
    following = next_link(request, cursors.encode(items[-1].id)) if more else None
    link(response, following)
    return SweepPage(items=items, next=following)


@router.get(
    "/{sweep_id:number}",
    operation_id="read_sweep",
    dependencies=[allow("read"), Depends(wait_for_sweep)],
    summary="Read a sweep",
    responses=problems(UnknownSweep, InvalidQuery) | conditional(),
)
def read_sweep(sweep_id: SweepId, precondition: PreconditionDep, database: DatabaseDep) -> Sweep:
    """Read what was requested, and how far the candidates are.

    Polling is cheap: send the `ETag` back as `If-None-Match`. With `?wait=20` the response comes at the next change.
    """
    with database.read() as connection:
        row = sweep_reader.sweep(connection, sweep_id)
        state = sweep_reader.state(connection, row)
    precondition.require_modified(state)
    return Sweep.of(row, state, progress_of_sweep(state))


@router.get(
    "/{sweep_id:number}/candidates",
    operation_id="list_candidates",
    dependencies=[allow("read")],
    summary="List the candidates of a sweep",
    responses=problems(UnknownSweep, InvalidQuery, InvalidCursor) | conditional(),
)
def list_candidates(
    sweep_id: SweepId,
    query: Annotated[SweepsQuery, Query()],
    request: Request,
    response: Response,
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> SweepCandidatePage:
    """List the candidates in their order: the values of the swept fields, the experiment, and how far it is."""
    with database.read() as connection:
        precondition.require_modified(
            sweep_reader.state(connection, sweep_reader.sweep(connection, sweep_id))
        )
        after = query.after(LAST_CANDIDATE)
        rows, more = sweep_reader.candidates(connection, sweep_id, after=after, limit=query.limit)
    items = [SweepCandidate.of(row) for row in rows]
    following = next_link(request, cursors.encode(items[-1].candidate)) if more else None
    link(response, following)
    return SweepCandidatePage(items=items, next=following)


@router.get(
    "/{sweep_id:number}/leaderboard",
    operation_id="read_leaderboard",
    dependencies=[allow("read"), run_on("charts")],
    summary="Rank the candidates of a sweep",
    response_model=Leaderboard,
    responses=problems(UnknownSweep, InvalidQuery) | conditional(),
)
def read_leaderboard(
    sweep_id: SweepId,
    query: Annotated[LeaderboardQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    leaderboards: LeaderboardsDep,
) -> Response:
    """Rank the candidates that have succeeded by the metric that selected their epochs, or another one. `top` marks
    those that cannot be told from the best, corrected for all candidates; the simplest of them is recommended. The
    best value comes as measured, and corrected for having been chosen among so many.
    """
    with database.read() as connection:
        row = sweep_reader.sweep(connection, sweep_id)
        metric = query.metric or metric_of(row)
        version = leaderboards.version(connection, row)
    precondition.require_modified(metric, version)
    return as_json(leaderboards.get(row, metric, version), precondition.headers)


@router.get(
    "/{sweep_id:number}/importance",
    operation_id="read_sweep_importance",
    dependencies=[allow("read"), run_on("charts")],
    summary="Read which field of a sweep mattered",
    response_model=SweepImportance,
    responses=problems(UnknownSweep, InvalidQuery) | conditional(),
)
def read_sweep_importance(
    sweep_id: SweepId,
    query: Annotated[LeaderboardQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Response:
    """Read the share of the variation between candidates that each swept field explains, and the mean value at each
    of its levels, as if the other fields were the same: an analysis of variance.
    """
    with database.read() as connection:
        row = sweep_reader.sweep(connection, sweep_id)
        metric = query.metric or metric_of(row)
        precondition.require_modified(metric, sweep_results_reader.version(connection, sweep_id))
        results = sweep_results_reader.results(connection, sweep_id)
    return as_json(importance_of(sweep_id, metric, results), precondition.headers)


@router.post(
    "/{sweep_id:number}/cancel",
    status_code=202,
    operation_id="cancel_sweep",
    dependencies=[allow("submit")],
    summary="Cancel a sweep",
    responses=problems(UnknownSweep, SweepOver, InvalidQuery),
)
def cancel_sweep(sweep_id: SweepId, database: DatabaseDep, notifier: NotifierDep) -> SweepRow:
    """Cancel all candidates that have not ended. Stored results are kept."""
    with database.write() as connection:
        sweeps.cancel(connection, sweep_id, notifier)
    return _row(database, sweep_id)


@router.post(
    "/{sweep_id:number}/retry",
    status_code=202,
    operation_id="retry_sweep",
    dependencies=[allow("submit")],
    summary="Retry the failed and cancelled runs of a sweep",
    responses=problems(UnknownSweep, NothingToRetryInSweep, InvalidQuery),
)
def retry_sweep(sweep_id: SweepId, database: DatabaseDep, notifier: NotifierDep) -> SweepRow:
    """Queue the failed and cancelled runs of all candidates again. They continue from their last checkpoint."""
    with database.write() as connection:
        sweeps.retry(connection, sweep_id, notifier)
    return _row(database, sweep_id)


@router.delete(
    "/{sweep_id:number}",
    status_code=204,
    operation_id="delete_sweep",
    dependencies=[allow("admin")],
    summary="Delete a finished sweep",
    responses=problems(UnknownSweep, SweepActive, InvalidQuery),
)
def delete_sweep(sweep_id: SweepId, database: DatabaseDep, registry: RegistryDep) -> None:
    """Delete it with its candidates, their epochs and weights. Which rows they have used stays on record."""
    with database.read() as connection:
        ids = sweep_reader.experiment_ids(connection, sweep_id)
    row_records.complete_records_of(database, registry, ids)
    with database.write() as connection:
        sweeps.delete(connection, sweep_id)


def _row(database: Database, sweep_id: int) -> SweepRow:
    with database.read() as connection:
        row = sweep_reader.sweep(connection, sweep_id)
        state = sweep_reader.state(connection, row)
    return SweepRow.of(row, state, progress_of_sweep(state))
