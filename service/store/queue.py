"""The queue: every write of a status, each one guarded UPDATE. Nothing else changes who owns a run.

    queued   -> running    claim: an agent takes a lease on the run
    running  -> succeeded, failed, cancelled    finish: its worker said how it ended
    running  -> queued     give_back: a clean stop, no death is counted
    running  -> queued     died, or its lease expired: a death is counted ...
    running  -> failed     ... and with `max_attempts` of them the run is lost
    queued   -> cancelled  request_cancel; what runs is only told, by `extend`
    failed, cancelled -> queued    retry, on request alone

Expired leases are found by the next claim, so nobody has to reap. The status of an experiment follows from its
runs in the same transaction. The caller holds a write transaction of `Database`; nothing here commits. Rows are
locked in one order, runs before experiments and each by its id, so that no two transactions wait for each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from service.store import claim_order, webhooks
from service.store.database import now
from service.store.errors import QueueFull
from service.store.tables import TERMINAL, Experiment, ExperimentTag, Run
from workers.processes.failure_causes import Cause

CLAIMABLE = or_(Run.status == "queued", and_(Run.status == "running", Run.lease_until < now()))
CLAIMABLE_RUN = select(Run.id).where(CLAIMABLE).limit(1)
OWNED_BY_LEASE = and_(
    Run.id == bindparam("run_id"), Run.attempt == bindparam("held_attempt"), Run.status == "running"
)
RENEW_LEASE = (
    update(Run)
    .where(OWNED_BY_LEASE)
    .values(lease_until=now() + bindparam("lease_seconds"), worked_seconds=bindparam("worked"))
    .returning(Run.cancel_requested)
)
SPEC = select(Experiment.spec, Experiment.baselines.is_not(None).label("has_baselines")).where(
    Experiment.id == bindparam("experiment")
)
LOCK_EXPERIMENT = select(Experiment.id).where(Experiment.id == bindparam("experiment")).with_for_update()
COUNTS = (
    select(Run.status, func.count()).where(Run.experiment_id == bindparam("experiment")).group_by(Run.status)
)
"""Made once, as is what is cached below: making them takes longer than SQLite takes to execute them."""


@dataclass(frozen=True, order=True)
class Lease:
    """The right to write for a run: `attempt` fences off whoever held it before."""

    run_id: int
    attempt: int


@dataclass(frozen=True)
class Claim:
    """A run taken from the queue, with what its worker needs to know, and how long others worked on it."""

    lease: Lease
    experiment_id: int
    seed: int
    spec: dict[str, Any]
    has_baselines: bool
    worked_seconds: float


def submit(
    connection: Connection, *, seeds: Iterable[int], epochs: int, tags: Iterable[str], **experiment: Any
) -> int:
    """Store an experiment and a queued run for each seed; the columns of `Experiment` come by name."""
    inserted = insert(Experiment).values(**experiment, status="queued", created_at=now())
    experiment_id = int(connection.execute(inserted.returning(Experiment.id)).scalar_one())
    run = {"priority": experiment["priority"], "owner": experiment["owner"], "epochs": epochs}
    for seed in seeds:
        queued = insert(Run).values(**run, experiment_id=experiment_id, seed=seed, status="queued")
        connection.execute(queued.values(created_at=now()))
    for tag in sorted(set(tags)):
        connection.execute(insert(ExperimentTag).values(experiment_id=experiment_id, tag=tag))
    return experiment_id


def require_room(connection: Connection, owner: str, runs: int, limit: int) -> None:
    """Raise QueueFull where an owner, with so many runs more, would have more than `limit` queued."""
    mine = select(func.count()).where(Run.status == "queued", Run.owner == owner)
    queued: int = connection.execute(mine).scalar_one()
    if queued + runs > limit:
        raise QueueFull(owner, queued, limit)


def claim(connection: Connection, *, agent: str, lease_seconds: float, max_attempts: int) -> Claim | None:
    """Take the next run: highest priority, then the owner with the fewest running, then the oldest."""
    touched = set(connection.scalars(_expired(max_attempts)))
    taken = {"claimer": agent, "lease_seconds": lease_seconds}
    run = connection.execute(_claim_next(), taken).one_or_none()
    _update_experiment_status(connection, touched | ({run.experiment_id} if run else set()))
    if run is None:
        return None
    spec, has_baselines = connection.execute(SPEC, {"experiment": run.experiment_id}).one()
    lease = Lease(run.id, run.attempt)
    return Claim(lease, run.experiment_id, run.seed, spec, bool(has_baselines), run.worked_seconds)


def has_work(connection: Connection) -> bool:
    """Whether a claim might find something; it only reads, so an idle agent may ask often."""
    return connection.execute(CLAIMABLE_RUN).first() is not None


def extend(
    connection: Connection, lease: Lease, *, lease_seconds: float, worked_seconds: float
) -> bool | None:
    """Renew a lease. None where it is not held any more; else whether a cancellation was requested."""
    renewed = {"lease_seconds": lease_seconds, "worked": worked_seconds}
    return connection.execute(RENEW_LEASE, _under(lease) | renewed).scalar_one_or_none()


def finish(
    connection: Connection,
    lease: Lease,
    status: str,
    *,
    cause: Cause | None = None,
    message: str | None = None,
) -> bool:
    """End a run that is held under `lease`, for good; False where it is not held any more."""
    return _end_lease(connection, lease, status=status, cause=cause, message=message, finished_at=now())


def release(connection: Connection, lease: Lease) -> bool:
    """Return a run to the queue after a clean stop; it keeps its place, and no death is counted."""
    return _end_lease(connection, lease, status="queued")


def record_death(connection: Connection, lease: Lease, *, max_attempts: int) -> bool:
    """The worker ended without a word."""
    return _end_lease(connection, lease, **_death_values(max_attempts))


def request_cancel(connection: Connection, experiment_id: int) -> None:
    """Cancel what is queued; ask what runs to stop. What is over stays as it is."""
    mine = _lock_runs(connection, experiment_id)
    queued = update(Run).where(mine, Run.status == "queued")
    connection.execute(queued.values(status="cancelled", cancel_requested=True, finished_at=now()))
    connection.execute(update(Run).where(mine, Run.status == "running").values(cancel_requested=True))
    _update_experiment_status(connection, {experiment_id})


def retry(connection: Connection, experiment_id: int) -> int:
    """Queue what failed or was cancelled once more, with all its attempts before it; how many runs these are.

    What has succeeded stays. Each goes on from its last checkpoint, under a number that no lease ever had.
    """
    mine = _lock_runs(connection, experiment_id)
    again = update(Run).where(mine, Run.status.in_(("failed", "cancelled")))
    again = again.values(status="queued", cause=None, message=None, finished_at=None)
    again = again.values(cancel_requested=False, deaths=0, worked_seconds=0.0)
    queued = connection.execute(again.returning(Run.id)).all()
    _update_experiment_status(connection, {experiment_id})
    return len(queued)


def _under(lease: Lease) -> dict[str, int]:
    """The parameters of `HELD`."""
    return {"run_id": lease.run_id, "held_attempt": lease.attempt}


def _lock_runs(connection: Connection, experiment_id: int) -> ColumnElement[bool]:
    """Which runs are of an experiment; from here on nobody else changes them."""
    mine = Run.experiment_id == experiment_id
    connection.execute(select(Run.id).where(mine).order_by(Run.id).with_for_update())
    return mine


@cache
def _claim_next() -> ReturningUpdate[int, int, int, int, float]:
    """The next run, claimed by `claimer` for `lease_seconds`."""
    lease_until = now() + bindparam("lease_seconds")
    return (
        update(Run)
        .where(Run.id == claim_order.next_run(), Run.status == "queued")
        .values(
            status="running", agent=bindparam("claimer"), attempt=Run.attempt + 1, lease_until=lease_until
        )
        .values(started_at=func.coalesce(Run.started_at, now()))
        .returning(Run.id, Run.attempt, Run.experiment_id, Run.seed, Run.worked_seconds)
    )


def _end_lease(connection: Connection, lease: Lease, **values: Any) -> bool:
    left = update(Run).where(OWNED_BY_LEASE).values(lease_until=None, agent=None, **values)
    left = left.returning(Run.experiment_id)
    experiment_id = connection.execute(left, _under(lease)).scalar_one_or_none()
    if experiment_id is None:
        return False
    _update_experiment_status(connection, {experiment_id})
    return True


@cache
def _expired(max_attempts: int) -> ReturningUpdate[int]:
    """Runs whose agent was not heard of for a whole lease meet the same fate as those whose worker died.

    Their experiments are still to be settled. What is locked is being renewed or expired at this very moment.
    """
    expired = and_(Run.status == "running", Run.lease_until < now())
    unlocked = select(Run.id).where(expired).with_for_update(skip_locked=True)
    ended = update(Run).where(Run.id.in_(unlocked), expired)
    ended = ended.values(lease_until=None, agent=None, **_death_values(max_attempts))
    return ended.returning(Run.experiment_id)


def _death_values(max_attempts: int) -> dict[str, Any]:
    """What becomes of a run after one more death."""
    lost = Run.deaths + 1 >= max_attempts
    sentence = f"{max_attempts} attempts ended without a word: the worker or its agent was killed, or crashed"
    return {
        "deaths": Run.deaths + 1,
        "status": case((Run.cancel_requested, "cancelled"), (lost, "failed"), else_="queued"),
        "cause": case((Run.cancel_requested, None), (lost, "lost"), else_=None),
        "message": case((Run.cancel_requested, None), (lost, sentence), else_=None),
        "finished_at": case((Run.cancel_requested, now()), (lost, now()), else_=None),
    }


def _update_experiment_status(connection: Connection, experiment_ids: Iterable[int]) -> None:
    """Let the status of experiments follow from their runs.

    Their rows are locked first: of two runs that end at the same time, the second must see the first.
    """
    for id_ in sorted(experiment_ids):
        mine = {"experiment": id_}
        connection.execute(LOCK_EXPERIMENT, mine)
        status = _status({row[0]: row[1] for row in connection.execute(COUNTS, mine)})
        changed = connection.execute(_status_update(status), mine).rowcount
        if changed and status in TERMINAL:
            webhooks.announce(connection, id_)


@cache
def _status_update(status: str) -> Update:
    settled = update(Experiment).where(Experiment.id == bindparam("experiment"), Experiment.status != status)
    if status != "queued":
        settled = settled.values(started_at=func.coalesce(Experiment.started_at, now()))
    return settled.values(status=status, finished_at=now() if status in TERMINAL else None)


def _status(runs: dict[str, int]) -> str:
    """`runs` is how many runs there are of each status."""
    if "running" in runs:
        return "running"
    if "queued" in runs:
        return "queued" if set(runs) == {"queued"} else "running"
    return next((status for status in ("failed", "cancelled") if status in runs), "succeeded")
