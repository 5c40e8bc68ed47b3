"""Messages about monitors: written in the transaction that stores the first alarm."""

import json
from typing import Any, get_args

from sqlalchemy import Connection, insert

from service.store.engine.clock import now
from service.store.tables import Delivery, MonitorAlarm
from service.store.webhooks.outbox import lock_subscriptions, timestamp

(EVENT,) = get_args(MonitorAlarm)


def announce(connection: Connection, monitor: Any, batch: dict[str, Any]) -> None:
    """Write a message for each webhook that subscribes to alarms. batch: the one that raised it."""
    subscribers = [id_ for id_, events in lock_subscriptions(connection) if EVENT in events]
    if not subscribers:
        return
    here = f"/monitors/{monitor.id}"
    data = {
        "id": monitor.id,
        "name": monitor.name,
        "experiment_id": monitor.experiment_id,
        "batch": batch["number"],
        "batch_name": batch["name"],
        "alarms": batch["alarms"],
        "links": {"self": here, "batch": f"{here}/batches/{batch['number']}"},
    }
    content = json.dumps({"type": EVENT, "timestamp": timestamp(batch["received_at"]), "data": data})
    message = {"monitor_id": monitor.id, "event": EVENT, "content": content}
    messages = [message | {"webhook_id": each} for each in subscribers]
    connection.execute(insert(Delivery).values(created_at=now(), due_at=now()), messages)
