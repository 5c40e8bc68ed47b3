"""Figures of the queue for operators. The queries use indexes, so they stay fast however much is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from service.store.engine.clock import now
from service.store.engine.row_limits import fixed_limit
from service.store.tables import ACTIVE_STATUSES, Experiment, Rows, Run

MAX_FINISHED = 100_000
"""Runs that one call counts; the next call counts the rest."""


@dataclass(frozen=True)
class QueueStats:
    """The figures of one moment. oldest_seconds: how long the oldest queued run has waited; 0 if none is queued.

    silent_seconds: for each agent with running runs, the time since it last renewed its leases.
    """

    experiments: Mapping[str, int]
    runs: Mapping[str, int]
    oldest_seconds: float
    silent_seconds: Mapping[str, float]
    epochs_per_second: float


def queue_stats(connection: Connection, *, lease_seconds: float) -> QueueStats:
    """The present figures. lease_seconds: of leases that an earlier version took; others have theirs in the row."""
    experiments = select(Experiment.status, func.count()).group_by(Experiment.status)
    waited = func.max(now() - Run.created_at)
    active = (
        select(Run.status, func.count(), waited).where(Run.status.in_(ACTIVE_STATUSES)).group_by(Run.status)
    )
    runs = {status: (count, seconds) for status, count, seconds in connection.execute(active)}
    length = func.coalesce(Run.lease_seconds, lease_seconds)
    # A lease that ends later than it can was last renewed before the clock was set back.
    silent = func.max(func.abs(length - (Run.lease_until - now())))
    speed = func.sum(case((Run.training_seconds > 0, Run.epoch / Run.training_seconds), else_=0.0))
    agents = select(Run.agent, silent, speed).where(Run.status == "running").group_by(Run.agent)
    working = connection.execute(agents).all()
    return QueueStats(
        experiments={row[0]: row[1] for row in connection.execute(experiments)},
        runs={status: count for status, (count, _) in runs.items()},
        oldest_seconds=max(0.0, runs.get("queued", (0, 0.0))[1]),
        silent_seconds={agent: max(0.0, seconds) for agent, seconds, _ in working},
        epochs_per_second=sum(speed for *_, speed in working),
    )


def current_time(connection: Connection) -> float:
    """What the clock of the database says."""
    return float(connection.scalars(select(now())).one())


def finished_since(connection: Connection, since: float) -> Rows:
    """The runs that ended at `since` or later, in this order."""
    columns: list[Any] = [Run.id, Run.attempt, Run.deaths, Run.status, Run.cause, Run.worked_seconds]
    columns += [Run.finished_at, (Run.started_at - Run.created_at).label("waited_seconds")]
    ended = select(*columns).where(Run.finished_at >= since)
    return connection.execute(ended.order_by(Run.finished_at).limit(fixed_limit(MAX_FINISHED))).all()
