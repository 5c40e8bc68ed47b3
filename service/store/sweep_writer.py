"""Write sweeps: their rows, and what is done to all of their candidates at once."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, case, delete, insert, select, update

from service.store.engine.clock import now
from service.store.errors import UnknownSweep
from service.store.tables import FINAL_STATUSES, Experiment, Exposure, IdempotencyKey, Run, Sweep


def create(connection: Connection, **row: Any) -> int:
    """Store the row of a sweep, and return its id. row: the columns of `Sweep` by name."""
    return int(
        connection.execute(insert(Sweep).values(**row, created_at=now()).returning(Sweep.id)).scalar_one()
    )


def mark_cancelled(connection: Connection, sweep_id: int) -> None:
    """Store that a sweep was cancelled: nothing more is proposed for it."""
    connection.execute(update(Sweep).where(Sweep.id == sweep_id).values(cancelled_at=now()))


def mark_retried(connection: Connection, sweep_id: int) -> None:
    """Store that a sweep goes on, for as many seconds as at first, and that its next end is announced again."""
    again = {"cancelled_at": None, "stopped_at": None, "announced_at": None}
    deadline = case((Sweep.max_seconds.is_not(None), now() + Sweep.max_seconds), else_=None)
    connection.execute(update(Sweep).where(Sweep.id == sweep_id).values(**again, deadline=deadline))


def delete_sweep(connection: Connection, sweep_id: int, experiment_ids: Collection[int]) -> bool:
    """Delete a sweep and its candidates, with these ids; False if one of these has not ended.

    What the candidates did with rows stays on record, unless they never started.
    """
    started = select(Run.experiment_id).where(Run.started_at.is_not(None))
    started = started.where(Run.experiment_id.in_(experiment_ids))
    mine = delete(Exposure).where(Exposure.experiment_id.in_(experiment_ids))
    connection.execute(mine.where(Exposure.experiment_id.not_in(started)))
    ended = Experiment.id.in_(experiment_ids), Experiment.status.in_(FINAL_STATUSES)
    deleted = connection.execute(delete(Experiment).where(*ended)).rowcount
    if deleted < len(experiment_ids):
        return False
    connection.execute(delete(IdempotencyKey).where(IdempotencyKey.sweep_id == sweep_id))
    if connection.execute(delete(Sweep).where(Sweep.id == sweep_id)).rowcount == 0:
        raise UnknownSweep(sweep_id)
    return True
