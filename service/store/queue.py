"""The queue: every write of a status, each one guarded UPDATE. Nothing else changes who owns a run.

    queued   -> running    claim: an agent takes a lease on the run
    running  -> succeeded, failed, cancelled    finish: its worker said how it ended
    running  -> queued     give_back: a clean stop, no death is counted
    running  -> queued     died, or its lease expired: a death is counted ...
    running  -> failed     ... and with `max_attempts` of them the run is lost
    queued   -> cancelled  request_cancel; what runs is only told, by `extend`

Terminal states are final. Expired leases are found by the next claim, so nobody has to reap. The status of an
experiment follows from its runs in the same transaction. The caller holds a write transaction of `Database`;
nothing here commits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, case, func, insert, or_, select, update

from service.store.database import now
from service.store.tables import TERMINAL, Experiment, ExperimentTag, Run


@dataclass(frozen=True, order=True)
class Lease:
    """The right to write for a run: `attempt` fences off whoever held it before."""

    run_id: int
    attempt: int


@dataclass(frozen=True)
class Claim:
    """A run taken from the queue, with what its worker needs to know."""

    lease: Lease
    experiment_id: int
    seed: int
    spec: dict[str, Any]


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


def claim(connection: Connection, *, agent: str, lease_seconds: float, max_attempts: int) -> Claim | None:
    """Take the next run: highest priority, then the owner with the fewest running, then the oldest."""
    _expire(connection, max_attempts)
    taken = (
        update(Run)
        .where(Run.id == _next_run(), Run.status == "queued")
        .values(status="running", agent=agent, attempt=Run.attempt + 1, lease_until=now() + lease_seconds)
        .values(started_at=func.coalesce(Run.started_at, now()))
        .returning(Run.id, Run.attempt, Run.experiment_id, Run.seed)
    )
    run = connection.execute(taken).one_or_none()
    if run is None:
        return None
    _settle(connection, run.experiment_id)
    spec = connection.scalar(select(Experiment.spec).where(Experiment.id == run.experiment_id))
    return Claim(Lease(run.id, run.attempt), run.experiment_id, run.seed, spec or {})


def has_work(connection: Connection) -> bool:
    """Whether a claim might find something; it only reads, so an idle agent may ask often."""
    claimable = or_(Run.status == "queued", and_(Run.status == "running", Run.lease_until < now()))
    return connection.execute(select(Run.id).where(claimable).limit(1)).first() is not None


def extend(connection: Connection, lease: Lease, *, lease_seconds: float) -> bool | None:
    """Renew a lease. None where it is not held any more; else whether a cancellation was requested."""
    renewed = update(Run).where(_held(lease)).values(lease_until=now() + lease_seconds)
    return connection.execute(renewed.returning(Run.cancel_requested)).scalar_one_or_none()


def finish(
    connection: Connection, lease: Lease, status: str, *, cause: str | None = None, message: str | None = None
) -> bool:
    """End a run that is held under `lease`, for good; False where it is not held any more."""
    return _leave(connection, lease, status=status, cause=cause, message=message, finished_at=now())


def give_back(connection: Connection, lease: Lease) -> bool:
    """Return a run to the queue after a clean stop; it keeps its place, and no death is counted."""
    return _leave(connection, lease, status="queued")


def died(connection: Connection, lease: Lease, *, max_attempts: int) -> bool:
    """The worker ended without a word."""
    return _leave(connection, lease, **_fate(max_attempts))


def request_cancel(connection: Connection, experiment_id: int) -> None:
    """Cancel what is queued; ask what runs to stop. What is over stays as it is."""
    mine = Run.experiment_id == experiment_id
    queued = update(Run).where(mine, Run.status == "queued")
    connection.execute(queued.values(status="cancelled", cancel_requested=True, finished_at=now()))
    connection.execute(update(Run).where(mine, Run.status == "running").values(cancel_requested=True))
    _settle(connection, experiment_id)


def _held(lease: Lease) -> ColumnElement[bool]:
    return and_(Run.id == lease.run_id, Run.attempt == lease.attempt, Run.status == "running")


def _next_run() -> ScalarSelect[int]:
    running = select(Run.owner, func.count().label("runs")).where(Run.status == "running")
    busy = running.group_by(Run.owner).subquery("busy")
    return (
        select(Run.id)
        .join_from(Run, busy, busy.c.owner == Run.owner, isouter=True)
        .where(Run.status == "queued")
        .order_by(Run.priority.desc(), func.coalesce(busy.c.runs, 0), Run.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Run)
        .scalar_subquery()
    )


def _leave(connection: Connection, lease: Lease, **values: Any) -> bool:
    left = update(Run).where(_held(lease)).values(lease_until=None, agent=None, **values)
    experiment_id = connection.execute(left.returning(Run.experiment_id)).scalar_one_or_none()
    if experiment_id is None:
        return False
    _settle(connection, experiment_id)
    return True


def _expire(connection: Connection, max_attempts: int) -> None:
    """Runs whose agent was not heard of for a whole lease meet the same fate as those whose worker died."""
    expired = update(Run).where(Run.status == "running", Run.lease_until < now())
    expired = expired.values(lease_until=None, agent=None, **_fate(max_attempts))
    for experiment_id in sorted(set(connection.scalars(expired.returning(Run.experiment_id)))):
        _settle(connection, experiment_id)


def _fate(max_attempts: int) -> dict[str, Any]:
    """What becomes of a run after one more death."""
    lost = Run.deaths + 1 >= max_attempts
    sentence = f"its worker died {max_attempts} times without a word"
    return {
        "deaths": Run.deaths + 1,
        "status": case((Run.cancel_requested, "cancelled"), (lost, "failed"), else_="queued"),
        "cause": case((Run.cancel_requested, None), (lost, "lost"), else_=None),
        "message": case((Run.cancel_requested, None), (lost, sentence), else_=None),
        "finished_at": case((Run.cancel_requested, now()), (lost, now()), else_=None),
    }


def _settle(connection: Connection, experiment_id: int) -> None:
    """Let the experiment's status follow from its runs.

    Its row is locked first: of two runs that end at the same time, the second must see the first.
    """
    connection.execute(select(Experiment.id).where(Experiment.id == experiment_id).with_for_update())
    counts = select(Run.status, func.count()).where(Run.experiment_id == experiment_id).group_by(Run.status)
    status = _status({row[0]: row[1] for row in connection.execute(counts)})
    settled = update(Experiment).where(Experiment.id == experiment_id, Experiment.status != status)
    if status != "queued":
        settled = settled.values(started_at=func.coalesce(Experiment.started_at, now()))
    finished_at = now() if status in TERMINAL else None
    connection.execute(settled.values(status=status, finished_at=finished_at))


def _status(runs: dict[str, int]) -> str:
    """`runs` is how many runs there are of each status."""
    if "running" in runs:
        return "running"
    if "queued" in runs:
        return "queued" if set(runs) == {"queued"} else "running"
    return next((status for status in ("failed", "cancelled") if status in runs), "succeeded")
