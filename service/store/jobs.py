"""The queue of jobs: work on the models of an experiment, in steps whose results are stored one by one.

    queued  -> running    claim: an agent takes a lease
    running -> succeeded, failed, cancelled    finish
    running -> queued     release: a clean stop; no death is counted
    running -> queued     give_back: no process could be started for it; it goes behind those that have not been tried
    running -> queued     record_death, or the lease expired: a death is counted ...
    running -> failed     ... and after `max_deaths` of them without a new step the job is lost
    queued  -> cancelled  request_cancel; the agent of a running job learns of it when it renews the lease
    failed, cancelled -> queued    request: the same work continues after its stored steps

Each transition is one guarded UPDATE, as in `service.store.queue`. Only the holder of the claim's token may write.
The caller holds a write transaction of `Database`.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, func, insert, or_, select, true, update
from sqlalchemy.orm import aliased

from service.store.deaths import death_values, failed_start_values
from service.store.engine.clock import now, now_or
from service.store.engine.row_limits import ONE
from service.store.errors import JobOver, NoModel, UnknownExperiment, UnknownJob
from service.store.leases import has_expired
from service.store.run_keys import BY_KEY
from service.store.tables import (
    ACTIVE_STATUSES,
    FINAL_STATUSES,
    Checkpoint,
    Experiment,
    Job,
    JobKind,
    JobStep,
    Run,
)
from workers.processes.failure_causes import Cause

NO_LEASE: dict[str, Any] = {"claim_token": None, "lease_until": None, "lease_seconds": None}
EXPIRED = has_expired(Job)
SPEC_FIELDS: Mapping[str, JobKind] = {"robustness": "robustness"}
"""The fields of a spec that ask for a job at the end of the experiment."""


@dataclass(frozen=True)
class JobLease:
    """The right to write for a job. `token` fences off every other lease on it."""

    job_id: int
    token: str


@dataclass(frozen=True)
class JobClaim:
    """A claimed job. steps: what earlier attempts have computed."""

    lease: JobLease
    kind: JobKind
    experiment_id: int
    request: dict[str, Any]
    steps: dict[int, bytes]


@dataclass(frozen=True)
class JobModel:
    """A model that a job is about: the run that trained it, and the hash of its weights."""

    run_id: int
    repeat: int
    fold: int
    seed: int
    sha256: str


def counts(connection: Connection) -> dict[str, int]:
    """How many jobs are queued and running."""
    active = select(Job.status, func.count()).where(Job.status.in_(ACTIVE_STATUSES)).group_by(Job.status)
    return dict.fromkeys(ACTIVE_STATUSES, 0) | {row[0]: row[1] for row in connection.execute(active)}


def models_of(connection: Connection, experiment_id: int) -> list[JobModel]:
    """The models of the runs that have succeeded, by repeat, fold and seed."""
    is_model = and_(Checkpoint.run_id == Run.id, Checkpoint.kind == "model")
    runs = select(Run.id, *BY_KEY, Checkpoint.sha256).join(Checkpoint, is_model)
    found = connection.execute(runs.where(Run.experiment_id == experiment_id).order_by(*BY_KEY))
    return [JobModel(*run) for run in found]


def request(
    connection: Connection, experiment_id: int, kind: JobKind, owner: str, wanted: dict[str, Any]
) -> bool:
    """Queue a job for the present models, unless the same is queued, running or done. Returns whether it was queued.

    What failed or was cancelled continues after its stored steps. Another request, or one about other models, starts
    anew in its place. Raises UnknownExperiment or NoModel.
    """
    status = _lock(connection, experiment_id)
    models = models_of(connection, experiment_id)
    if not models:
        raise NoModel(experiment_id, "no run", status)
    digest = _digest(models)
    existing = connection.execute(_select(experiment_id, kind).with_for_update()).one_or_none()
    if existing is None:
        columns = {"experiment_id": experiment_id, "kind": kind, "owner": owner, "request": wanted}
        queued = insert(Job).values(**columns, models=digest, status="queued", created_at=now())
        connection.execute(queued)
        return True
    is_same = existing.models == digest and existing.request == wanted
    if is_same and existing.status not in ("failed", "cancelled"):
        return False
    again: dict[str, Any] = {"status": "queued", "cause": None, "message": None, "finished_at": None}
    again |= {"cancel_requested": False, "deaths": 0, "failed_starts": 0} | NO_LEASE
    if not is_same:
        connection.execute(delete(JobStep).where(JobStep.job_id == existing.id))
        again |= {"request": wanted, "models": digest, "owner": owner, "done": 0, "total": None}
        again |= {"result": None, "created_at": now(), "started_at": None}
    connection.execute(update(Job).where(Job.id == existing.id).values(**again))
    return True


def request_wanted(connection: Connection, experiment_ids: Collection[int]) -> None:
    """Queue the jobs that the specs of experiments ask for, which have just succeeded."""
    specs = select(Experiment.id, Experiment.owner, Experiment.spec).where(Experiment.id.in_(experiment_ids))
    for row in connection.execute(specs.order_by(Experiment.id)).all():
        for field, kind in SPEC_FIELDS.items():
            wanted = row.spec.get(field)
            if wanted is not None and models_of(connection, row.id):
                request(connection, row.id, kind, row.owner, wanted)


def read(connection: Connection, experiment_id: int, kind: JobKind) -> Row[Any]:
    """The job of a kind. Raises UnknownExperiment, or UnknownJob if nobody has asked for one."""
    found = connection.execute(_select(experiment_id, kind)).one_or_none()
    if found is None:
        if connection.scalar(select(Experiment.id).where(Experiment.id == experiment_id)) is None:
            raise UnknownExperiment(experiment_id)
        raise UnknownJob(experiment_id, kind)
    return found


def request_cancel(connection: Connection, experiment_id: int, kind: JobKind) -> None:
    """Cancel a queued job, and request that a running one stops. Raises UnknownExperiment, UnknownJob or JobOver."""
    job = read(connection, experiment_id, kind)
    if job.status in FINAL_STATUSES:
        raise JobOver(experiment_id, kind, job.status)
    mine = Job.id == job.id
    cancelled = update(Job).where(mine, Job.status == "queued")
    connection.execute(cancelled.values(status="cancelled", finished_at=now_or(Job.started_at)))
    connection.execute(update(Job).where(mine, Job.status == "running").values(cancel_requested=True))


def has_work(connection: Connection) -> bool:
    """Whether a claim might find a job."""
    claimable = or_(Job.status == "queued", EXPIRED)
    return connection.execute(select(Job.id).where(claimable).limit(ONE)).first() is not None


def claim(
    connection: Connection, *, lease_seconds: float, max_deaths: int, end_expired: bool = True
) -> JobClaim | None:
    """Take the next queued job; None if there is none. Before that, end the leases that have expired.

    One that could not be started goes behind those that have been tried less often: it holds up no other. Then the
    owner goes first whose last job was started the longest ago, so that owners take turns; of an owner the oldest.

    end_expired: as in `service.store.queue.claim`.
    """
    if end_expired:
        expired = select(Job.id).where(EXPIRED).with_for_update(skip_locked=True)
        ended = update(Job).where(Job.id.in_(expired), EXPIRED)
        connection.execute(ended.values(**NO_LEASE, **_death(max_deaths)))
    of_owner = aliased(Job)
    served = select(func.max(of_owner.started_at)).where(of_owner.owner == Job.owner).scalar_subquery()
    order = (Job.failed_starts, func.coalesce(served, 0), Job.id)
    following = select(Job.id).where(Job.status == "queued").order_by(*order).limit(ONE)
    token = secrets.token_hex(16)
    taken = update(Job).where(Job.id == following.with_for_update(skip_locked=True).scalar_subquery())
    taken = taken.where(Job.status == "queued").values(
        status="running",
        claim_token=token,
        attempt=Job.attempt + 1,
        lease_until=now() + lease_seconds,
        lease_seconds=lease_seconds,
        started_at=func.coalesce(Job.started_at, now()),
    )
    job = connection.execute(taken.returning(Job.id, Job.kind, Job.experiment_id, Job.request)).one_or_none()
    if job is None:
        return None
    stored = connection.execute(select(JobStep.step, JobStep.content).where(JobStep.job_id == job.id))
    steps = {row.step: row.content for row in stored}
    return JobClaim(JobLease(job.id, token), job.kind, job.experiment_id, job.request, steps)


def renew(connection: Connection, lease: JobLease, lease_seconds: float) -> bool | None:
    """Renew a lease. Returns whether a cancellation was requested; None if the lease is lost."""
    renewed = (
        update(Job)
        .where(*_owned(lease))
        .values(lease_until=now() + lease_seconds, lease_seconds=lease_seconds)
    )
    found = connection.execute(renewed.returning(Job.cancel_requested)).one_or_none()
    return None if found is None else bool(found.cancel_requested)


def store_steps(
    connection: Connection, lease: JobLease, steps: Mapping[int, bytes], total: int | None
) -> None:
    """Store new steps, after a renewal in the same transaction. Deaths before them no longer count."""
    if steps:
        rows = [{"job_id": lease.job_id, "step": step, "content": content} for step, content in steps.items()]
        connection.execute(insert(JobStep), rows)
    stored = select(func.count()).where(JobStep.job_id == lease.job_id).scalar_subquery()
    values: dict[str, Any] = {"done": stored} | ({} if total is None else {"total": total})
    values |= {"deaths": 0, "failed_starts": 0} if steps else {}
    connection.execute(update(Job).where(*_owned(lease)).values(**values))


def finish(
    connection: Connection,
    lease: JobLease,
    status: str,
    *,
    result: dict[str, Any] | None = None,
    cause: str | None = None,
    message: str | None = None,
) -> bool:
    """End a job with a final status; False if the lease is lost. The steps of one that succeeded are not needed."""
    values = {
        "status": status,
        "result": result,
        "cause": cause,
        "message": message,
        "finished_at": now_or(Job.started_at),
    }
    ended = _end(connection, lease, values)
    if ended and status == "succeeded":
        connection.execute(delete(JobStep).where(JobStep.job_id == lease.job_id))
    return ended


def release(connection: Connection, lease: JobLease) -> bool:
    """Return a job to the queue after a clean stop; cancelled, if that was requested. False if the lease is lost."""
    status = case((Job.cancel_requested, "cancelled"), else_="queued")
    return _end(
        connection,
        lease,
        {"status": status, "finished_at": case((Job.cancel_requested, now_or(Job.started_at)), else_=None)},
    )


def give_back(
    connection: Connection, lease: JobLease, *, cause: Cause, message: str, most: int | None
) -> bool:
    """Return a job to the queue because no process could be started for it; False if the lease is lost.

    cause, message, most: as in `service.store.queue.give_back`.
    """
    ended_at = now_or(Job.started_at)
    return _end(
        connection,
        lease,
        failed_start_values(Job, cause=cause, message=message, most=most, ended_at=ended_at),
    )


def record_death(connection: Connection, lease: JobLease, max_deaths: int) -> bool:
    """Record that the process died without a final word; False if the lease is lost."""
    return _end(connection, lease, _death(max_deaths))


def _lock(connection: Connection, experiment_id: int) -> str:
    """Lock an experiment, so that one of two requests is the first. Returns its status; raises UnknownExperiment."""
    locked = select(Experiment.status).where(Experiment.id == experiment_id).with_for_update()
    status: str | None = connection.scalar(locked)
    if status is None:
        raise UnknownExperiment(experiment_id)
    return status


def _select(experiment_id: int, kind: JobKind) -> Any:
    return select(Job).where(Job.experiment_id == experiment_id, Job.kind == kind)


def _digest(models: Sequence[JobModel]) -> str:
    content = json.dumps([[each.run_id, each.sha256] for each in models])
    return hashlib.sha256(content.encode()).hexdigest()


def _owned(lease: JobLease) -> tuple[Any, ...]:
    return Job.id == lease.job_id, Job.claim_token == lease.token, Job.status == "running"


def _end(connection: Connection, lease: JobLease, values: dict[str, Any]) -> bool:
    ended = update(Job).where(*_owned(lease)).values(**(NO_LEASE | values)).returning(Job.id)
    return connection.execute(ended).first() is not None


def _death(max_deaths: int) -> dict[str, Any]:
    lost = Job.deaths + 1 >= max_deaths
    return death_values(Job, begun=true(), lost=lost, max_deaths=max_deaths, ended_at=now_or(Job.started_at))
