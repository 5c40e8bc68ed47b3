"""Idempotency keys: a request that is sent again, because its answer was lost, makes no second experiment."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store.engine.clock import now
from service.store.errors import KeyReused
from service.store.tables import IdempotencyKey

KEPT_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class KeyedRequest:
    """What tells whether two requests are the same: whose, under which key, with what body."""

    owner: str
    key: str
    sha256: str


def find(connection: Connection, request: KeyedRequest) -> int | None:
    """The experiment that the request has made, None if it is the first. Raises KeyReused."""
    wanted = select(IdempotencyKey).where(
        _same_key(request), IdempotencyKey.created_at > now() - KEPT_SECONDS
    )
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    if row.sha256 != request.sha256:
        raise KeyReused(request.key)
    found: int = row.experiment_id
    return found


def take(connection: Connection, request: KeyedRequest) -> int | None:
    """Take the key for an experiment that this transaction makes; else the experiment that has it. Raises KeyReused.

    Of two at the same time, the second waits here until the first is committed.
    """
    connection.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at <= now() - KEPT_SECONDS))
    mine = {"owner": request.owner, "key": request.key, "sha256": request.sha256}
    try:
        with connection.begin_nested():
            connection.execute(insert(IdempotencyKey).values(**mine, created_at=now()))
    except IntegrityError:
        return find(connection, request)
    return None


def assign(connection: Connection, request: KeyedRequest, experiment_id: int) -> None:
    """Note what was made under a key that this transaction has taken."""
    connection.execute(update(IdempotencyKey).where(_same_key(request)).values(experiment_id=experiment_id))


def _same_key(request: KeyedRequest) -> ColumnElement[bool]:
    return and_(IdempotencyKey.owner == request.owner, IdempotencyKey.key == request.key)
