"""What goes on: the figures of the queue, as operators watch them. They go down indexes, however much is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from service.store.engine.clock import now
from service.store.tables import ACTIVE_STATUSES, Experiment, Rows, Run

MOST_FINISHED = 100_000
"""Runs that are counted at one look; the rest at the next."""


@dataclass(frozen=True)
class QueueStats:
    """One moment. oldest_seconds: how long the longest waiting run has been queued, 0 where none is.

    silent_seconds: for each agent that holds runs, how long it was not heard of.
    """

    experiments: Mapping[str, int]
    runs: Mapping[str, int]
    oldest_seconds: float
    silent_seconds: Mapping[str, float]
    epochs_per_second: float


def queue_stats(connection: Connection, *, lease_seconds: float) -> QueueStats:
    """The present figures; agents renew their leases for `lease_seconds`."""
    experiments = select(Experiment.status, func.count()).group_by(Experiment.status)
    waited = func.max(now() - Run.created_at)
    active = (
        select(Run.status, func.count(), waited).where(Run.status.in_(ACTIVE_STATUSES)).group_by(Run.status)
    )
    runs = {status: (count, seconds) for status, count, seconds in connection.execute(active)}
    silent = func.max(lease_seconds - (Run.lease_until - now()))
    speed = func.sum(case((Run.training_seconds > 0, Run.epoch / Run.training_seconds), else_=0.0))
    agents = select(Run.agent, silent, speed).where(Run.status == "running").group_by(Run.agent)
    held = connection.execute(agents).all()
    return QueueStats(
        experiments={row[0]: row[1] for row in connection.execute(experiments)},
        runs={status: count for status, (count, _) in runs.items()},
        oldest_seconds=max(0.0, runs.get("queued", (0, 0.0))[1]),
        silent_seconds={agent: max(0.0, seconds) for agent, seconds, _ in held},
        epochs_per_second=sum(speed for *_, speed in held),
    )


def finished_since(connection: Connection, since: float) -> Rows:
    """The runs that were over at `since` or later, in this order."""
    columns: list[Any] = [Run.id, Run.attempt, Run.deaths, Run.status, Run.cause, Run.worked_seconds]
    columns += [Run.finished_at, (Run.started_at - Run.created_at).label("waited_seconds")]
    over = select(*columns).where(Run.finished_at >= since)
    return connection.execute(over.order_by(Run.finished_at).limit(MOST_FINISHED)).all()
