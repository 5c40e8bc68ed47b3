"""Webhooks and their outbox: a message is written in the transaction that ends an experiment, and sent afterwards.

waiting      due_at is when it is sent next; while it is being sent, when its sender counts as lost
delivered    delivered_at is set, due_at is null
given up     neither is set
"""

import base64
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.store.database import now
from service.store.errors import UnknownWebhook
from service.store.experiment_reader import Rows
from service.store.tables import Delivery, Experiment, Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 -- as Standard Webhooks has it
SECRET_BYTES = 32
SENDING_SECONDS = 60.0
"""After these a delivery whose sender is not heard of is sent again."""
MOST_ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 10.0
PAUSE_FACTOR = 4.0
"""The last attempt is made some 15 hours after the first."""
KEPT_SECONDS = 30 * 86_400.0
MOST_LISTED = 100


@dataclass(frozen=True)
class Due:
    """A message that somebody has taken to send; `attempt` fences off who took it before."""

    id: int
    attempt: int
    url: str
    secret: str
    content: str


@dataclass(frozen=True)
class Waiting:
    """A webhook with a message that is due since `due_at`. failures: attempts that failed since one succeeded."""

    id: int
    url: str
    failures: int
    due_at: float


def create(connection: Connection, url: str, events: Collection[str]) -> Row[Any]:
    """A new webhook, with the secret that signs its messages."""
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    row = {"url": url, "events": sorted(events), "secret": secret}
    made = insert(Webhook).values(**row, created_at=now()).returning(*_columns())
    return connection.execute(made).one()


def listed(connection: Connection) -> Rows:
    """All of them, the oldest first."""
    return connection.execute(select(*_columns()).order_by(Webhook.id)).all()


def find(connection: Connection, webhook_id: int) -> Row[Any]:
    """One of them. Raises UnknownWebhook."""
    row = connection.execute(select(*_columns()).where(Webhook.id == webhook_id)).one_or_none()
    if row is None:
        raise UnknownWebhook(webhook_id)
    return row


def remove(connection: Connection, webhook_id: int) -> None:
    """Delete one with its messages, sent or not. Raises UnknownWebhook."""
    removed = delete(Webhook).where(Webhook.id == webhook_id).returning(Webhook.id)
    if connection.execute(removed).one_or_none() is None:
        raise UnknownWebhook(webhook_id)


def deliveries(connection: Connection, webhook_id: int) -> Rows:
    """Its latest messages, the newest first."""
    columns: list[Any] = [Delivery]
    its = select(*columns).where(Delivery.webhook_id == webhook_id)
    return connection.execute(its.order_by(Delivery.id.desc()).limit(MOST_LISTED)).all()


def announce(connection: Connection, experiment_id: int) -> None:
    """Write a message for each webhook that wants to know how an experiment ended."""
    kept = select(Webhook.id, Webhook.events).order_by(Webhook.id).with_for_update(read=True, key_share=True)
    webhooks = connection.execute(kept).all()  # locked, so that none is deleted before its message is there
    if not webhooks:
        return
    experiment = connection.execute(select(Experiment).where(Experiment.id == experiment_id)).one()
    event = f"experiment.{experiment.status}"
    row = {"experiment_id": experiment_id, "event": event, "content": _content(event, experiment)}
    for webhook_id, events in webhooks:
        if experiment.status in events:
            times = {"created_at": now(), "due_at": now()}
            connection.execute(insert(Delivery).values(webhook_id=webhook_id, **row, **times))


def has_due(connection: Connection) -> bool:
    """Whether `take` might find something; it only reads."""
    return (
        connection.execute(select(Delivery.id).where(Delivery.due_at <= now()).limit(1)).first() is not None
    )


def waiting(connection: Connection) -> list[Waiting]:
    """Every webhook with a message that is due: one step down an index for each, however many messages wait."""
    due_at = select(func.min(Delivery.due_at)).where(Delivery.webhook_id == Webhook.id).scalar_subquery()
    columns = (Webhook.id, Webhook.url, Webhook.failures, due_at.label("due_at"))
    oldest = select(*columns).subquery()
    due = connection.execute(select(oldest).where(oldest.c.due_at <= now()))
    return [Waiting(*row) for row in due]


def take(connection: Connection, webhook_id: int) -> Due | None:
    """Take the message of a webhook that is due for longest, so that no other process sends it meanwhile."""
    mine = (Delivery.webhook_id == webhook_id, Delivery.due_at <= now())
    longest = select(Delivery.id).where(*mine).order_by(Delivery.due_at).limit(1)
    waiting = Delivery.id == longest.with_for_update(skip_locked=True).scalar_subquery()
    taken = update(Delivery).where(waiting, Delivery.due_at <= now())
    taken = taken.values(attempts=Delivery.attempts + 1, due_at=now() + SENDING_SECONDS)
    columns = (Delivery.id, Delivery.attempts, Delivery.webhook_id, Delivery.content)
    row = connection.execute(taken.returning(*columns)).one_or_none()
    if row is None:
        return None
    webhook = find(connection, row.webhook_id)
    return Due(row.id, row.attempts, webhook.url, webhook.secret, row.content)


def record(connection: Connection, due: Due, answer: str, *, delivered: bool) -> None:
    """What became of an attempt: it was the last one, or there is another after a longer pause."""
    outcome: dict[str, Any] = {"answer": answer, "due_at": None}
    if delivered:
        outcome["delivered_at"] = now()
    elif due.attempt < MOST_ATTEMPTS:
        outcome["due_at"] = now() + FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (due.attempt - 1)
    mine = (Delivery.id == due.id, Delivery.attempts == due.attempt, Delivery.delivered_at.is_(None))
    its = Webhook.id.in_(select(Delivery.webhook_id).where(*mine))
    failures = 0 if delivered else Webhook.failures + 1
    # The webhook comes first, as when it is deleted with its messages: neither then waits for the other.
    connection.execute(update(Webhook).where(its).values(failures=failures))
    connection.execute(update(Delivery).where(*mine).values(**outcome))


def forget(connection: Connection) -> None:
    """Delete the messages that are long over."""
    over = (Delivery.due_at.is_(None), Delivery.created_at < now() - KEPT_SECONDS)
    connection.execute(delete(Delivery).where(*over))


def _columns() -> list[Any]:
    return [Webhook.id, Webhook.url, Webhook.events, Webhook.secret, Webhook.created_at]


def _content(event: str, experiment: Row[Any]) -> str:
    """As Standard Webhooks has it. What came out is read behind the link: it may be retried or deleted by then."""
    ended = datetime.fromtimestamp(round(experiment.finished_at, 3), UTC).isoformat().replace("+00:00", "Z")
    data = {
        "id": experiment.id,
        "name": experiment.name,
        "status": experiment.status,
        "spec_hash": experiment.spec_hash,
        "links": {"self": f"/experiments/{experiment.id}"},
    }
    return json.dumps({"type": event, "timestamp": ended, "data": data})
