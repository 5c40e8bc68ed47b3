"""The seconds for which a sweep may start candidates: then those that have not started are cancelled, and the others
train to their end.

They count from the first run that starts. An agent enforces them in the transaction in which it writes its runs. The
row of the sweep is locked first, so that of two agents one cancels, and the other finds nothing to do.
"""

from sqlalchemy import Connection, exists, func, select, update

from service.store import queue
from service.store.engine.clock import now
from service.store.engine.row_limits import ONE
from service.store.tables import Experiment, Run, Sweep

LIMITED = Sweep.max_seconds.is_not(None) & Sweep.stopped_at.is_(None) & Sweep.announced_at.is_(None)
SOME_LIMITED = select(Sweep.id).where(LIMITED).limit(ONE)
FIRST_START = (
    select(func.min(Run.started_at))
    .join(Experiment, Experiment.id == Run.experiment_id)
    .where(Experiment.sweep_id == Sweep.id)
    .scalar_subquery()
)
SET_DEADLINES = (
    update(Sweep)
    .where(LIMITED, Sweep.deadline.is_(None), FIRST_START.is_not(None))
    .values(deadline=FIRST_START + Sweep.max_seconds)
)
USED_UP = select(Sweep.id).where(LIMITED, Sweep.deadline <= now()).order_by(Sweep.id)
HAS_STARTED = exists().where(Run.experiment_id == Experiment.id, Run.started_at.is_not(None))
"""Built once: to build a statement takes longer than to execute it on SQLite."""


def enforce(connection: Connection) -> None:
    """Stop the sweeps whose seconds are used up. Without such sweeps, this only reads."""
    if connection.execute(SOME_LIMITED).first() is None:
        return
    connection.execute(SET_DEADLINES)
    for sweep_id in connection.scalars(USED_UP).all():
        locked = select(Sweep.id).where(Sweep.id == sweep_id, LIMITED).with_for_update()
        if connection.execute(locked).first() is not None:
            _stop(connection, sweep_id)


def _stop(connection: Connection, sweep_id: int) -> None:
    connection.execute(update(Sweep).where(Sweep.id == sweep_id).values(stopped_at=now()))
    waiting = select(Experiment.id).where(Experiment.sweep_id == sweep_id, Experiment.status == "queued")
    if ids := connection.scalars(waiting.where(~HAS_STARTED).order_by(Experiment.id)).all():
        queue.request_cancel(connection, *ids)
