"""Sweeps whose strategy learns: which of them may have more candidates, and what their earlier ones have shown."""

from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from service.store.sweep_reader import AWAITS_CANDIDATES
from service.store.tables import ACTIVE_STATUSES, Experiment, ExperimentMetrics, Rows, Sweep
from workers.sweeps.strategies import Package

AWAITING: Select[Any] = select(Sweep).where(AWAITS_CANDIDATES).order_by(Sweep.id)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


def awaiting(connection: Connection) -> Rows:
    """The sweeps for which candidates are still to be chosen."""
    return connection.execute(AWAITING).all()


def first_active(connection: Connection, sweep_id: int) -> int | None:
    """The number of the first candidate that has not ended; None if all have."""
    mine = select(func.min(Experiment.candidate)).where(Experiment.sweep_id == sweep_id)
    number: int | None = connection.scalar(mine.where(Experiment.status.in_(ACTIVE_STATUSES)))
    return number


def candidates(connection: Connection, sweep_id: int, metric: str) -> Rows:
    """The candidates in their order: what the strategy remembers of each, its status and its value of a metric."""
    value = getattr(ExperimentMetrics, metric).label("value")
    columns: list[Any] = [Experiment.candidate, Experiment.drawn, Experiment.spec_hash, Experiment.status]
    chosen: Select[Any] = select(*columns, value).join(
        ExperimentMetrics, ExperimentMetrics.experiment_id == Experiment.id
    )
    chosen = chosen.where(Experiment.sweep_id == sweep_id, Experiment.drawn.is_not(None))
    return connection.execute(chosen.order_by(Experiment.candidate)).all()


def lock(connection: Connection, sweep_id: int, *, asked: int) -> bool:
    """Lock a sweep until the transaction ends; False if another process has chosen for it, or it has been stopped."""
    mine = select(Sweep.id).where(Sweep.id == sweep_id, Sweep.asked == asked, AWAITS_CANDIDATES)
    return connection.execute(mine.with_for_update()).first() is not None


def advance(connection: Connection, sweep_id: int, *, asked: int, unasked: int, repeated: int) -> None:
    """Store that so many more candidates were chosen, that so many are left, and how many more were repeated."""
    added = {"asked": Sweep.asked + asked, "repeated": Sweep.repeated + repeated, "waiting_for": None}
    connection.execute(update(Sweep).where(Sweep.id == sweep_id).values(**added, unasked=unasked))


def wait_for(connection: Connection, sweep_id: int, package: Package, *, asked: int) -> None:
    """Store that a sweep waits for an agent that has a package, unless one has chosen candidates meanwhile."""
    mine = update(Sweep).where(Sweep.id == sweep_id, Sweep.asked == asked, AWAITS_CANDIDATES)
    connection.execute(mine.values(waiting_for=package))
