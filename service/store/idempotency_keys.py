"""Idempotency keys: a request that is sent again, because its response was lost, makes nothing a second time."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store.engine.clock import now
from service.store.errors import KeyReused
from service.store.tables import IdempotencyKey

RETENTION_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an idempotency key. Two are the same if owner, key and hash of the body agree.

    makes: the column with the id of what it makes. Of requests that make different things the hashes differ.
    """

    owner: str
    key: str
    sha256: str
    makes: Literal["experiment_id", "sweep_id"] = "experiment_id"


def find(connection: Connection, request: KeyedRequest) -> int | None:
    """The id of what this request made before; None if it is the first. Raises KeyReused."""
    wanted = select(IdempotencyKey).where(
        _same_key(request), IdempotencyKey.created_at > now() - RETENTION_SECONDS
    )
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    if row.sha256 != request.sha256:
        raise KeyReused(request.key)
    found: int = getattr(row, request.makes)
    return found


def take(connection: Connection, request: KeyedRequest) -> int | None:
    """Take the key for what this transaction makes, and return None; or return the id of what it has made.

    Of two requests at the same time, the second waits here until the first has committed. Raises KeyReused.
    """
    connection.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at <= now() - RETENTION_SECONDS))
    mine = {"owner": request.owner, "key": request.key, "sha256": request.sha256}
    try:
        with connection.begin_nested():
            connection.execute(insert(IdempotencyKey).values(**mine, created_at=now()))
    except IntegrityError:
        return find(connection, request)
    return None


def assign(connection: Connection, request: KeyedRequest, made: int) -> None:
    """Store the id of what was made under a key that this transaction has taken."""
    connection.execute(update(IdempotencyKey).where(_same_key(request)).values({request.makes: made}))


def _same_key(request: KeyedRequest) -> ColumnElement[bool]:
    return and_(IdempotencyKey.owner == request.owner, IdempotencyKey.key == request.key)
