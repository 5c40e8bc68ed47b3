"""The webhooks: create, list, find and delete them."""

import base64
import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy import delete as delete_from

from service.store.database import Database
from service.store.engine.clock import now
from service.store.engine.row_limits import ONE
from service.store.errors import UnknownWebhook
from service.store.sealing import SealingKey
from service.store.tables import Rows, Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 -- as Standard Webhooks has it
SECRET_BYTES = 32
NOT_SEALED = SealingKey()


def create(
    connection: Connection, url: str, events: Collection[str], key: SealingKey = NOT_SEALED
) -> Row[Any]:
    """Store a webhook, with a new secret that signs its messages, sealed with `key`."""
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    row = {"url": url, "events": sorted(events), "secret": key.seal(secret)}
    created = insert(Webhook).values(**row, created_at=now()).returning(*_columns())
    return connection.execute(created).one()


def seal_all(database: Database, key: SealingKey) -> None:
    """Seal the secrets that an earlier version, or a service without a key, has stored in plain text."""
    if key.file is None:
        return
    plain = select(Webhook.id, Webhook.secret).where(
        Webhook.secret.startswith(SECRET_PREFIX, autoescape=True)
    )
    with database.read() as connection:
        if connection.execute(plain.limit(ONE)).first() is None:
            return
    with database.write() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")  # nothing of them stays in free pages
        for id_, secret in connection.execute(plain.with_for_update()).all():
            sealed = key.seal(secret)
            connection.execute(update(Webhook).where(Webhook.id == id_).values(secret=sealed))


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
