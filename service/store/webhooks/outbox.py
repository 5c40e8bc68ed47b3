"""The outbox of the webhooks: a message is written in the transaction that ends an experiment or stores the alarm of
a monitor, and sent afterwards.

waiting      due_at is the time of the next attempt; during an attempt, the time when its sender counts as lost
delivered    delivered_at is set, due_at is null
given up     neither is set
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.store.engine.clock import now
from service.store.engine.row_limits import ONE, fixed_limit
from service.store.tables import Delivery, Experiment, Rows, Webhook
from service.store.webhooks import webhooks

SENDING_SECONDS = 60.0
"""A message whose sender has recorded no result after this time is sent again."""
MAX_ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 10.0
PAUSE_FACTOR = 4.0
"""The last attempt is made some 15 hours after the first."""
RETENTION_SECONDS = 30 * 86_400.0
MAX_LISTED = 100
SUBSCRIBERS = select(Webhook.id, Webhook.events).order_by(Webhook.id)
SUBSCRIBERS = SUBSCRIBERS.with_for_update(read=True, key_share=True)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


@dataclass(frozen=True)
class DueDelivery:
    """A message that a process has taken to send. `attempt` fences off every process that took it before."""

    id: int
    attempt: int
    url: str
    secret: str
    content: str


@dataclass(frozen=True)
class WaitingWebhook:
    """A webhook with a message that is due since `due_at`. failures: the failed attempts since the last success."""

    id: int
    url: str
    failures: int
    due_at: float


def add(connection: Connection, *experiment_ids: int) -> None:
    """Write a message for each webhook that subscribes to the final status of experiments."""
    subscribers = lock_subscriptions(connection)
    if not subscribers or not experiment_ids:
        return
    ended = select(Experiment).where(Experiment.id.in_(experiment_ids)).order_by(Experiment.id)
    messages = [
        _message(experiment) | {"webhook_id": webhook_id}
        for experiment in connection.execute(ended).all()
        for webhook_id, events in subscribers
        if experiment.status in events
    ]
    if messages:
        connection.execute(insert(Delivery).values(created_at=now(), due_at=now()), messages)


def lock_subscriptions(connection: Connection) -> list[tuple[int, list[str]]]:
    """The id and the events of each webhook, locked, so that none is deleted before its message is written."""
    return [(row.id, row.events) for row in connection.execute(SUBSCRIBERS)]


def _message(experiment: Row[Any]) -> dict[str, Any]:
    event = f"experiment.{experiment.status}"
    return {"experiment_id": experiment.id, "event": event, "content": _content(event, experiment)}


def latest(connection: Connection, webhook_id: int) -> Rows:
    """The latest messages of a webhook, the newest first."""
    columns: list[Any] = [Delivery]
    mine = select(*columns).where(Delivery.webhook_id == webhook_id)
    return connection.execute(mine.order_by(Delivery.id.desc()).limit(fixed_limit(MAX_LISTED))).all()


def has_due(connection: Connection) -> bool:
    """Whether `take` might find a message. This only reads."""
    return (
        connection.execute(select(Delivery.id).where(Delivery.due_at <= now()).limit(ONE)).first() is not None
    )


def waiting_webhooks(connection: Connection) -> list[WaitingWebhook]:
    """Every webhook with a message that is due. It costs one index search each, however many messages wait."""
    due_at = select(func.min(Delivery.due_at)).where(Delivery.webhook_id == Webhook.id).scalar_subquery()
    columns = (Webhook.id, Webhook.url, Webhook.failures, due_at.label("due_at"))
    oldest = select(*columns).subquery()
    due = connection.execute(select(oldest).where(oldest.c.due_at <= now()))
    return [WaitingWebhook(*row) for row in due]


def take(connection: Connection, webhook_id: int) -> DueDelivery | None:
    """Take the message of a webhook that is due for longest, so that no other process sends it meanwhile."""
    mine = (Delivery.webhook_id == webhook_id, Delivery.due_at <= now())
    longest = select(Delivery.id).where(*mine).order_by(Delivery.due_at).limit(ONE)
    is_next = Delivery.id == longest.with_for_update(skip_locked=True).scalar_subquery()
    taken = update(Delivery).where(is_next, Delivery.due_at <= now())
    taken = taken.values(attempts=Delivery.attempts + 1, due_at=now() + SENDING_SECONDS)
    columns = (Delivery.id, Delivery.attempts, Delivery.webhook_id, Delivery.content)
    row = connection.execute(taken.returning(*columns)).one_or_none()
    if row is None:
        return None
    webhook = webhooks.find(connection, row.webhook_id)
    return DueDelivery(row.id, row.attempts, webhook.url, webhook.secret, row.content)


def record_attempt(connection: Connection, due: DueDelivery, answer: str, *, delivered: bool) -> None:
    """Store the result of an attempt. If it failed and was not the last, the next follows after a longer pause."""
    outcome: dict[str, Any] = {"answer": answer, "due_at": None}
    if delivered:
        outcome["delivered_at"] = now()
    elif due.attempt < MAX_ATTEMPTS:
        outcome["due_at"] = now() + FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (due.attempt - 1)
    mine = (Delivery.id == due.id, Delivery.attempts == due.attempt, Delivery.delivered_at.is_(None))
    its_webhook = Webhook.id.in_(select(Delivery.webhook_id).where(*mine))
    failures = 0 if delivered else Webhook.failures + 1
    # The webhook is locked first, as when it is deleted with its messages: so neither waits for the other.
    connection.execute(update(Webhook).where(its_webhook).values(failures=failures))
    connection.execute(update(Delivery).where(*mine).values(**outcome))


def delete_old(connection: Connection) -> None:
    """Delete the messages that were delivered or given up long ago."""
    old = (Delivery.due_at.is_(None), Delivery.created_at < now() - RETENTION_SECONDS)
    connection.execute(delete(Delivery).where(*old))


def _content(event: str, experiment: Row[Any]) -> str:
    """The JSON that Standard Webhooks describes.

    The results are behind the link: when the message arrives, the experiment may be retried or deleted.
    """
    data = {
        "id": experiment.id,
        "name": experiment.name,
        "status": experiment.status,
        "spec_hash": experiment.spec_hash,
        "links": {"self": f"/experiments/{experiment.id}"},
    }
    return json.dumps({"type": event, "timestamp": timestamp(experiment.finished_at), "data": data})


def timestamp(seconds: float) -> str:
    """A time as messages have it."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat().replace("+00:00", "Z")
