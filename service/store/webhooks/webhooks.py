"""The webhooks: create, list, find and delete them."""

import base64
import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy import delete as delete_from

from service.store.engine.clock import now
from service.store.errors import UnknownWebhook
from service.store.tables import Rows, Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 -- as Standard Webhooks has it
SECRET_BYTES = 32


def create(connection: Connection, url: str, events: Collection[str]) -> Row[Any]:
    """Store a webhook, with a new secret that signs its messages."""
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    row = {"url": url, "events": sorted(events), "secret": secret}
    created = insert(Webhook).values(**row, created_at=now()).returning(*_columns())
    return connection.execute(created).one()


def list_all(connection: Connection) -> Rows:
    """All webhooks, the oldest first."""
    return connection.execute(select(*_columns()).order_by(Webhook.id)).all()


def find(connection: Connection, webhook_id: int) -> Row[Any]:
    """One webhook. Raises UnknownWebhook."""
    row = connection.execute(select(*_columns()).where(Webhook.id == webhook_id)).one_or_none()
    if row is None:
        raise UnknownWebhook(webhook_id)
    return row


def delete(connection: Connection, webhook_id: int) -> None:
    """Delete a webhook with its messages, sent or not. Raises UnknownWebhook."""
    deleted = delete_from(Webhook).where(Webhook.id == webhook_id).returning(Webhook.id)
    if connection.execute(deleted).one_or_none() is None:
        raise UnknownWebhook(webhook_id)


def _columns() -> list[Any]:
    return [Webhook.id, Webhook.url, Webhook.events, Webhook.secret, Webhook.created_at]
