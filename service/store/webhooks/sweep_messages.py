"""Messages about sweeps that have ended: written for each webhook that subscribes, once for each end.

The end of a sweep follows from that of its candidates, which different agents may write at the same time. So nobody
tells it when it happens: who sends messages looks for sweeps that have ended and were not announced.
"""

import json
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from service.store import sweep_reader
from service.store.engine.clock import now
from service.store.engine.row_limits import ONE
from service.store.sweep_reader import AWAITS_CANDIDATES, SweepState
from service.store.tables import ACTIVE_STATUSES, Delivery, Experiment, Sweep
from service.store.webhooks.outbox import lock_subscriptions, timestamp

IS_ACTIVE = exists().where(Experiment.sweep_id == Sweep.id, Experiment.status.in_(ACTIVE_STATUSES))
IS_OVER = ~IS_ACTIVE & ~AWAITS_CANDIDATES
ENDED = select(Sweep.id).where(Sweep.announced_at.is_(None), IS_OVER).order_by(Sweep.id)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


def has_ended(connection: Connection) -> bool:
    """Whether `announce` would find a sweep. This only reads."""
    return connection.execute(ENDED.limit(ONE)).first() is not None


def announce(connection: Connection) -> None:
    """Write the messages about the sweeps that have ended since the last time."""
    subscribers = lock_subscriptions(connection)
    for sweep_id in connection.scalars(ENDED).all():
        mine = update(Sweep).where(Sweep.id == sweep_id, Sweep.announced_at.is_(None), IS_OVER)
        if connection.execute(mine.values(announced_at=now())).rowcount == 0:
            continue
        row = sweep_reader.sweep(connection, sweep_id)
        state = sweep_reader.state(connection, row)
        event = f"sweep.{state.status}"
        message = {"sweep_id": sweep_id, "event": event, "content": _content(event, row, state)}
        messages = [message | {"webhook_id": id_} for id_, events in subscribers if event in events]
        if messages:
            connection.execute(insert(Delivery).values(created_at=now(), due_at=now()), messages)


def _content(event: str, row: Any, state: SweepState) -> str:
    ended = max(
        (each.finished_at for each in state.runs.values() if each.finished_at), default=row.created_at
    )
    here = f"/sweeps/{row.id}"
    data = {
        "id": row.id,
        "name": row.name,
        "status": state.status,
        "counts": dict(state.candidates),
        "links": {"self": here, "leaderboard": f"{here}/leaderboard"},
    }
    return json.dumps({"type": event, "timestamp": timestamp(ended), "data": data})
