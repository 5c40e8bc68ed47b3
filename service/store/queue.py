"""The queue of runs: the only writer of a status. Each transition is one guarded UPDATE.

    queued   -> running    claim: an agent takes a lease on the run
    running  -> succeeded, failed, cancelled    finish: the worker reported how it ended
    running  -> queued     release: a clean stop; give_back: no worker could be started; no death is counted
    running  -> failed     give_back, after `most` of them in a row whose reason may be the run
    running  -> queued     hold: it has trained as far as its sweep lets it, and is claimed again after let_go_on
    running  -> queued     record_death, or the lease expired: a death is counted (unless no process had begun) ...
    running  -> failed     ... and after `max_deaths` of them without progress the run is lost
    running  -> cancelled  ... or any of the three, if a cancellation was requested
    queued   -> cancelled  request_cancel; an agent learns of it for a running run when it renews the lease
    failed, cancelled -> queued    retry: only when a client requests it

The next claim finds expired leases, so no reaper is needed. The status of an experiment is updated from its runs in
the same transaction. The caller holds a write transaction of `Database`; nothing here commits. Rows are locked in one
order, runs before experiments and each by its id, so that no two transactions wait for each other.

A lease is fenced twice. Its token is random, because run ids and attempts repeat when a database is restored to an
older copy. And a renewal succeeds only if the database still has the agent's last one: in a copy from before that,
the epochs that the agent believes stored are missing.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    CursorResult,
    Float,
    Update,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from service.store import claim_order, experiment_metrics, jobs, spec_values
from service.store.deaths import death_values, failed_start_values
from service.store.engine.bulk_insert import BulkInsert
from service.store.engine.clock import now, now_or
from service.store.engine.row_limits import ONE
from service.store.errors import QueueFull
from service.store.leases import has_expired
from service.store.run_keys import ALL_RUNS, BY_KEY, RunFilter, RunKey
from service.store.tables import FINAL_STATUSES, Experiment, ExperimentTag, Job, Run, WaitingFor
from service.store.webhooks import outbox
from workers.processes.failure_causes import Cause

EXPIRED = has_expired(Run)
CLAIMABLE_RUN = select(Run.id).where(or_(claim_order.QUEUED, EXPIRED)).limit(ONE)
OWNED_BY_LEASE = and_(
    Run.id == bindparam("run_id"),
    Run.attempt == bindparam("lease_attempt"),
    Run.claim_token == bindparam("lease_token"),
    Run.status == "running",
)
RENEWED_SECONDS = bindparam("renewed_seconds", type_=Float())
RENEW_LEASE = (
    update(Run)
    .where(OWNED_BY_LEASE, Run.heartbeat >= bindparam("confirmed"))
    .values(lease_until=now() + RENEWED_SECONDS, lease_seconds=RENEWED_SECONDS)
    .values(worked_seconds=bindparam("worked"), heartbeat=Run.heartbeat + 1)
    .values(claimed_ahead=and_(Run.claimed_ahead, bindparam("waits", type_=Boolean())))
)
RENEWED: list[Any] = [Run.id, Run.attempt, Run.claim_token]
RENEWED += [Run.cancel_requested, Run.heartbeat, Run.epoch]
THESE_RUNS: BindParameter[Any] = bindparam("runs", expanding=True)
RENEWED_LEASES = select(*RENEWED).where(Run.id.in_(THESE_RUNS), Run.status == "running")
CLAIMED: list[Any] = [Run.id, Run.attempt, Run.experiment_id, *BY_KEY]
CLAIMED += [Run.worked_seconds, Run.until_epoch, Run.failed_starts]
CHANGED = "changed_experiments"
"""Where the connection of a transaction notes which experiments `update_statuses_once` is to update."""
RUN_COLUMNS = (
    "experiment_id",
    "priority",
    "owner",
    "epochs",
    "of_sweep",
    "until_epoch",
    "repeat",
    "fold",
    "seed",
)
ADD_EXPERIMENTS = (
    insert(Experiment)
    .values(status="queued", created_at=now())
    .returning(Experiment.candidate, Experiment.id)  # many by a statement, in any order
)
ADD_RUNS = BulkInsert(insert(Run).values(status="queued", created_at=now()), RUN_COLUMNS)
QUEUED_RUNS, QUEUED_JOBS = (
    select(func.count()).where(each.status == "queued", each.owner == bindparam("owner")).scalar_subquery()
    for each in (Run, Job)
)
QUEUED_OF_OWNER = select(QUEUED_RUNS + QUEUED_JOBS)
NO_LEASE: dict[str, Any] = {"lease_until": None, "agent": None, "claim_token": None, "waiting_for": None}
NO_LEASE |= {"claimed_ahead": False}
WAIT = update(Run).where(OWNED_BY_LEASE).values(waiting_for=bindparam("reason"))
WORKER_STARTED = update(Run).where(OWNED_BY_LEASE, Run.failed_starts > 0).values(failed_starts=0)
FORGIVE_DEATHS = update(Run).where(OWNED_BY_LEASE).values(forgiven_deaths=Run.deaths)
FOLD_HAS_BASELINES = (
    select(Run.id)
    .where(Run.experiment_id == Experiment.id, Run.baselines.is_not(None))
    .where(Run.repeat == bindparam("repeat"), Run.fold == bindparam("fold"))
    .exists()
)
HAS_BASELINES = or_(Experiment.baselines.is_not(None), FOLD_HAS_BASELINES)
SPEC = select(Experiment.spec, HAS_BASELINES.label("has_baselines"))
SPEC = SPEC.where(Experiment.id == bindparam("experiment"))
THESE: BindParameter[Any] = bindparam("experiments", expanding=True)
LOCK_EXPERIMENTS = (
    select(Experiment.id).where(Experiment.id.in_(THESE)).order_by(Experiment.id).with_for_update()
)
COUNTS = (
    select(Run.experiment_id, Run.status, func.count())
    .where(Run.experiment_id.in_(THESE))
    .group_by(Run.experiment_id, Run.status)
)
"""Statements are built once, as are the cached ones below: to build one takes longer than to execute it on SQLite."""


@dataclass(frozen=True, order=True)
class Lease:
    """The right to write for a run. `token` fences off every other lease on it, also those of other copies."""

    run_id: int
    attempt: int
    token: str


@dataclass(frozen=True)
class HeldLease:
    """A lease that is to be renewed, and what its agent knows of the run.

    worked_seconds: its training time in all attempts. confirmed: the heartbeat of the last renewal that was
    committed. In a copy of the database from before it, the lease is lost. begun: a process has begun the run, if it
    was claimed ahead.
    """

    lease: Lease
    worked_seconds: float
    confirmed: int = 0
    begun: bool = False


@dataclass(frozen=True)
class Renewal:
    """The reply to a renewal. heartbeat: its number, which the next one has to find. epoch: the last one stored."""

    cancel_requested: bool
    heartbeat: int
    epoch: int = 0


@dataclass(frozen=True)
class Claim:
    """A claimed run, and what its worker needs to know. worked_seconds: the training time of its earlier attempts.

    failed_starts: the workers that could not be started for it since one could.
    """

    lease: Lease
    experiment_id: int
    repeat: int
    fold: int
    seed: int
    spec: dict[str, Any]
    has_baselines: bool
    worked_seconds: float
    until_epoch: int | None = None
    failed_starts: int = 0


@dataclass(frozen=True, eq=False)
class NewExperiment:
    """An experiment to store, with a run for each seed of each fold.

    folds: (repeat, fold) of each; one split is the only fold of the only repeat. columns: the other columns of
    `Experiment` by name. until_epoch: where its runs are held; None if they train to their end.
    """

    seeds: Sequence[int]
    epochs: int
    tags: Iterable[str]
    columns: dict[str, Any]
    folds: Iterable[tuple[int, int]] = ((0, 0),)
    until_epoch: int | None = None

    def runs(self, experiment_id: int) -> Iterator[dict[str, Any]]:
        """The values of RUN_COLUMNS of each of its runs."""
        shared = {
            "experiment_id": experiment_id,
            "priority": self.columns["priority"],
            "owner": self.columns["owner"],
            "epochs": self.epochs,
            "of_sweep": self.columns.get("sweep_id") is not None,
            "until_epoch": self.until_epoch,
        }
        for repeat, fold in self.folds:
            for seed in self.seeds:
                yield shared | {"repeat": repeat, "fold": fold, "seed": seed}


def submit(
    connection: Connection,
    *,
    seeds: Sequence[int],
    folds: Iterable[tuple[int, int]] = ((0, 0),),
    epochs: int,
    tags: Iterable[str],
    **experiment: Any,
) -> int:
    """Store one experiment, and return its id. `experiment` has the other columns of `Experiment` by name."""
    new = NewExperiment(seeds, epochs, tags, experiment, folds)
    return submit_all(connection, [new])[0]


def submit_all(connection: Connection, experiments: Sequence[NewExperiment]) -> list[int]:
    """Store one experiment, or candidates of one sweep in their order, and their runs. Returns the ids in order."""
    added = connection.execute(ADD_EXPERIMENTS, [each.columns for each in experiments])
    ids = [id_ for _, id_ in sorted(added)]
    experiment_metrics.add(connection, ids)
    numbered = list(zip(ids, experiments, strict=True))
    runs = [run for id_, each in numbered for run in each.runs(id_)]
    ADD_RUNS.execute(connection, {name: [run[name] for run in runs] for name in RUN_COLUMNS})
    tags = [{"experiment_id": id_, "tag": tag} for id_, each in numbered for tag in sorted(set(each.tags))]
    if tags:
        connection.execute(insert(ExperimentTag), tags)
    spec_values.add(connection, ((id_, each.columns["spec"]) for id_, each in numbered))
    return ids


def require_room(connection: Connection, owner: str, runs: int, limit: int) -> None:
    """Raise QueueFull if an owner, with so many more runs or jobs, would have more than `limit` queued."""
    queued: int = connection.scalars(QUEUED_OF_OWNER, {"owner": owner}).one()
    if queued + runs > limit:
        raise QueueFull(owner, queued, limit)


def claim(
    connection: Connection,
    *,
    agent: str,
    lease_seconds: float,
    max_deaths: int,
    end_expired: bool = True,
    ahead: bool = False,
) -> Claim | None:
    """Take the next run in the order of `claim_order`; None if there is none.

    Before that, end the expired leases: each is a death of its run, and `max_deaths` of them without progress lose
    it. end_expired: False leaves them to agents that may still renew them, after the clock was set. ahead: the run
    waits for a process of the agent. Until it has one, its lease ends without a death.
    """
    changed = set(connection.scalars(_end_expired(max_deaths))) if end_expired else set()
    token = secrets.token_hex(16)
    parameters = {"claimer": agent, "claim_seconds": lease_seconds, "drawn_token": token, "ahead": ahead}
    run = connection.execute(_claim_next(), parameters).one_or_none()
    _update_experiment_status(connection, changed | ({run.experiment_id} if run else set()))
    if run is None:
        return None
    mine = {"experiment": run.experiment_id, "repeat": run.repeat, "fold": run.fold}
    spec, has_baselines = connection.execute(SPEC, mine).one()
    lease = Lease(run.id, run.attempt, token)
    return Claim(
        lease,
        run.experiment_id,
        *RunKey.of(run),
        spec=spec,
        has_baselines=bool(has_baselines),
        worked_seconds=run.worked_seconds,
        until_epoch=run.until_epoch,
        failed_starts=run.failed_starts,
    )


def has_work(connection: Connection) -> bool:
    """Whether a claim might find a run. This only reads, so an idle agent may call it often."""
    return connection.execute(CLAIMABLE_RUN).first() is not None


def renew(
    connection: Connection,
    lease: Lease,
    *,
    lease_seconds: float,
    worked_seconds: float,
    confirmed: int = 0,
    begun: bool = False,
) -> Renewal | None:
    """Renew one lease; None if it is lost. Arguments as in `HeldLease`."""
    held = HeldLease(lease, worked_seconds, confirmed, begun)
    return renew_all(connection, [held], lease_seconds=lease_seconds).get(lease)


def renew_all(
    connection: Connection, held: Sequence[HeldLease], *, lease_seconds: float
) -> dict[Lease, Renewal]:
    """Renew leases, in the order of their runs. Those that are lost are left out of the reply."""
    if not held:
        return {}
    held = sorted(held, key=lambda each: each.lease)
    connection.execute(RENEW_LEASE, [_renewal_parameters(each, lease_seconds) for each in held])
    known, renewed = {each.lease: each.confirmed for each in held}, {}
    for row in connection.execute(RENEWED_LEASES, {"runs": [lease.run_id for lease in known]}):
        lease = Lease(row.id, row.attempt, row.claim_token)
        if row.heartbeat > known.get(lease, row.heartbeat):  # it was renewed: before, it was not less
            renewed[lease] = Renewal(bool(row.cancel_requested), row.heartbeat, row.epoch)
    return renewed


def _renewal_parameters(held: HeldLease, lease_seconds: float) -> dict[str, Any]:
    values = {"renewed_seconds": lease_seconds, "worked": held.worked_seconds, "confirmed": held.confirmed}
    return _parameters(held.lease) | values | {"waits": not held.begun}


def finish(
    connection: Connection,
    lease: Lease,
    status: str,
    *,
    cause: Cause | None = None,
    message: str | None = None,
) -> bool:
    """End a run with a final status; False if the lease is lost."""
    ended = {"final": status, "why": cause, "sentence": message}
    return _ended(connection, connection.execute(_finish_returning(), _parameters(lease) | ended))


def finish_all(connection: Connection, claims: Sequence[Claim]) -> None:
    """End runs, at least one, as succeeded. Their leases were renewed in this transaction."""
    ended = {"final": "succeeded", "why": None, "sentence": None}
    connection.execute(_finish(), [_parameters(claim.lease) | ended for claim in claims])
    _update_experiment_status(connection, {claim.experiment_id for claim in claims})


def release(connection: Connection, lease: Lease) -> bool:
    """Return a run to the queue after a clean stop or a failed start; False if the lease is lost.

    The run keeps its place in the queue, and no death is counted. If a cancellation was requested, it is cancelled.
    """
    status = case((Run.cancel_requested, "cancelled"), else_="queued")
    finished_at = case((Run.cancel_requested, now_or(Run.started_at)), else_=None)
    return _end_lease(connection, lease, status=status, finished_at=finished_at)


def give_back(connection: Connection, lease: Lease, *, cause: Cause, message: str, most: int | None) -> bool:
    """Return a run to the queue because its worker could not be started; False if the lease is lost.

    No death is counted. But after `most` such starts in a row the run fails, with this cause and message; None lets
    it wait for ever.
    """
    ended_at = now_or(Run.started_at)
    values = failed_start_values(Run, cause=cause, message=message, most=most, ended_at=ended_at)
    values["waiting_for"] = case((values["status"] == "queued", "worker"), else_=None)
    return _end_lease(connection, lease, **values)


def worker_started(connection: Connection, lease: Lease) -> None:
    """Forget the workers that could not be started: one could."""
    connection.execute(WORKER_STARTED, _parameters(lease))


def set_waiting_for(connection: Connection, lease: Lease, reason: WaitingFor | None) -> None:
    """Say what holds up a running run; None if nothing does."""
    connection.execute(WAIT, _parameters(lease) | {"reason": reason})


def hold(connection: Connection, lease: Lease) -> bool:
    """Return a run to the queue, where nobody claims it until `let_go_on`; False if the lease is lost.

    If a cancellation was requested, it is cancelled.
    """
    status = case((Run.cancel_requested, "cancelled"), else_="queued")
    finished_at = case((Run.cancel_requested, now_or(Run.started_at)), else_=None)
    return _end_lease(connection, lease, status=status, finished_at=finished_at, held=True)


def let_go_on(connection: Connection, experiment_ids: Collection[int], until_epoch: int | None) -> None:
    """Let the held runs of experiments be claimed again, until they reach another epoch, or None for their end."""
    mine = _lock_runs(connection, experiment_ids)
    held = update(Run).where(mine, Run.status == "queued", Run.held == true())
    connection.execute(held.values(held=False, until_epoch=until_epoch))


def record_death(connection: Connection, lease: Lease, *, max_deaths: int) -> bool:
    """Record that the worker died without a final event; False if the lease is lost.

    The run goes back to the queue, or fails as lost if this was death number `max_deaths`.
    """
    return _end_lease(connection, lease, **_death_values(max_deaths))


def forgive_deaths(connection: Connection, lease: Lease) -> None:
    """After progress, let earlier deaths of the run no longer count towards losing it."""
    connection.execute(FORGIVE_DEATHS, _parameters(lease))


def request_cancel(connection: Connection, *experiment_ids: int) -> None:
    """Cancel the queued runs of experiments, and request that the running ones stop. Ended runs do not change."""
    mine = _lock_runs(connection, experiment_ids)
    queued, finished_at = update(Run).where(mine, Run.status == "queued"), now_or(Run.started_at)
    connection.execute(queued.values(status="cancelled", cancel_requested=True, finished_at=finished_at))
    connection.execute(update(Run).where(mine, Run.status == "running").values(cancel_requested=True))
    _update_experiment_status(connection, set(experiment_ids))


def retry(connection: Connection, experiment_id: int, wanted: RunFilter = ALL_RUNS) -> int:
    """Queue the failed and cancelled runs of an experiment again, and return how many these are."""
    return retry_all(connection, [experiment_id], wanted)


def retry_all(connection: Connection, experiment_ids: Collection[int], wanted: RunFilter = ALL_RUNS) -> int:
    """Queue the failed and cancelled runs of experiments again, and return how many these are.

    Succeeded runs stay as they are. Deaths and training time count from zero. Each run resumes from its last
    checkpoint, and its attempts go on counting, so that no new lease equals an old one.
    """
    mine = _lock_runs(connection, experiment_ids)
    again = update(Run).where(mine, *wanted.conditions(), Run.status.in_(("failed", "cancelled")))
    again = again.values(status="queued", cause=None, message=None, finished_at=None)
    again = again.values(cancel_requested=False, deaths=0, forgiven_deaths=0, worked_seconds=0.0)
    again = again.values(failed_starts=0)
    again = again.values(held=False, until_epoch=None)
    queued = connection.execute(again.returning(Run.id)).all()
    _update_experiment_status(connection, set(experiment_ids))
    return len(queued)


def _parameters(lease: Lease) -> dict[str, Any]:
    """The parameters of `OWNED_BY_LEASE`."""
    return {"run_id": lease.run_id, "lease_attempt": lease.attempt, "lease_token": lease.token}


def _lock_runs(connection: Connection, experiment_ids: Collection[int]) -> ColumnElement[bool]:
    """Lock the runs of experiments until the transaction ends, and return the condition that selects them."""
    mine = Run.experiment_id.in_(experiment_ids)
    connection.execute(select(Run.id).where(mine).order_by(Run.id).with_for_update())
    return mine


@cache
def _claim_next() -> ReturningUpdate[Any]:
    """The statement that claims the next run for the agent `claimer`, for `claim_seconds`."""
    seconds = bindparam("claim_seconds", type_=Float())
    return (
        update(Run)
        .where(Run.id == claim_order.next_run(), claim_order.QUEUED)
        .values(status="running", agent=bindparam("claimer"), attempt=Run.attempt + 1)
        .values(claim_token=bindparam("drawn_token"), heartbeat=0, waiting_for=None)
        .values(claimed_ahead=bindparam("ahead", type_=Boolean()))
        .values(lease_seconds=seconds, lease_until=now() + seconds)
        .values(started_at=func.coalesce(Run.started_at, now()))
        .returning(*CLAIMED)
    )


def _end_lease(connection: Connection, lease: Lease, **values: Any) -> bool:
    """End a lease, and set `values` of its run; False if the lease is lost."""
    ended = update(Run).where(OWNED_BY_LEASE).values(**(NO_LEASE | values))
    return _ended(connection, connection.execute(ended.returning(Run.experiment_id), _parameters(lease)))


@cache
def _finish() -> Update:
    """The statement that ends a lease with a final status."""
    ended = update(Run).where(OWNED_BY_LEASE).values(**NO_LEASE, finished_at=now_or(Run.started_at))
    return ended.values(status=bindparam("final"), cause=bindparam("why"), message=bindparam("sentence"))


@cache
def _finish_returning() -> ReturningUpdate[int]:
    """The same; it returns the experiment."""
    return _finish().returning(Run.experiment_id)


def _ended(connection: Connection, found: CursorResult[int]) -> bool:
    """Update the status of the experiment whose lease was ended; False if there was none."""
    experiment_id = found.scalar_one_or_none()
    if experiment_id is None:
        return False
    _update_experiment_status(connection, {experiment_id})
    return True


@cache
def _end_expired(max_deaths: int) -> ReturningUpdate[int]:
    """The statement that ends all expired leases. It counts deaths, as `record_death` does.

    It returns their experiments, whose status is still to be updated. Locked rows are skipped: another transaction
    is renewing or ending their lease right now.
    """
    unlocked = select(Run.id).where(EXPIRED).with_for_update(skip_locked=True)
    ended = update(Run).where(Run.id.in_(unlocked), EXPIRED)
    ended = ended.values(**NO_LEASE, **_death_values(max_deaths))
    return ended.returning(Run.experiment_id)


def _death_values(max_deaths: int) -> dict[str, Any]:
    """Of a run. Deaths before its last progress are forgiven."""
    lost = Run.deaths + 1 - Run.forgiven_deaths >= max_deaths
    begun, ended_at = Run.claimed_ahead == false(), now_or(Run.started_at)
    return death_values(Run, begun=begun, lost=lost, max_deaths=max_deaths, ended_at=ended_at)


@contextmanager
def update_statuses_once(connection: Connection) -> Iterator[None]:
    """Within the block runs may change; at its end the status of each experiment that they belong to is updated once.

    So a transaction that ends runs and claims others locks all runs before the first experiment.
    """
    changed: set[int] = set()
    connection.info[CHANGED] = changed
    try:
        yield
    finally:
        del connection.info[CHANGED]
    _update_experiment_status(connection, changed)


def _update_experiment_status(connection: Connection, experiment_ids: Collection[int]) -> None:
    """Update the status of experiments from the statuses of their runs; later within `update_statuses_once`.

    Their rows are locked first: if two runs end at the same time, the second transaction must see the first.
    """
    later: set[int] | None = connection.info.get(CHANGED)
    if later is not None:
        later.update(experiment_ids)
    elif experiment_ids:
        _update_now(connection, sorted(experiment_ids))


def _update_now(connection: Connection, experiment_ids: list[int]) -> None:
    these = {"experiments": experiment_ids}
    if connection.dialect.name != "sqlite":  # SQLite locks the whole database
        connection.execute(LOCK_EXPERIMENTS, these)
    runs: dict[int, dict[str, int]] = defaultdict(dict)
    for id_, status, count in connection.execute(COUNTS, these):
        runs[id_][status] = count
    by_status: dict[str, list[int]] = defaultdict(list)
    for id_ in experiment_ids:
        by_status[_status(runs[id_])].append(id_)
    for status, ids in sorted(by_status.items()):
        changed = connection.scalars(_status_update(status), {"experiments": ids}).all()
        if status in FINAL_STATUSES:
            experiment_metrics.store(connection, changed)
            if status == "succeeded":
                jobs.request_wanted(connection, changed)
            outbox.add(connection, *sorted(changed))
        else:
            experiment_metrics.clear(connection, changed)


@cache
def _status_update(status: str) -> ReturningUpdate[int]:
    """The statement that gives experiments this status, and the times that belong to it; it returns which change.

    An experiment that goes on loses its intervals: they were of the runs that had succeeded before.
    """
    changed = update(Experiment).where(Experiment.id.in_(THESE), Experiment.status != status)
    if status != "queued":
        changed = changed.values(started_at=func.coalesce(Experiment.started_at, now()))
    if status not in FINAL_STATUSES:
        changed = changed.values(intervals=None)
    finished_at = now_or(Experiment.started_at) if status in FINAL_STATUSES else None
    return changed.values(status=status, finished_at=finished_at).returning(Experiment.id)


def _status(runs: dict[str, int]) -> str:
    """The status of an experiment. runs: how many runs it has of each status."""
    if "running" in runs:
        return "running"
    if "queued" in runs:
        return "queued" if set(runs) == {"queued"} else "running"
    return next((status for status in ("failed", "cancelled") if status in runs), "succeeded")
