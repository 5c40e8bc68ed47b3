"""Tokens: create, find, list and revoke them. Only the SHA-256 of a token is stored, never the token itself.

A lookup compares hashes, which no client can choose, so its duration reveals nothing about existing tokens.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from service.store.engine.clock import now
from service.store.engine.nonblocking_reader import NonblockingReader
from service.store.engine.row_limits import ONE
from service.store.errors import NameTaken, UnknownToken
from service.store.tables import Rows, Token

Scope = Literal["read", "submit", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From narrow to wide: each scope includes those before it."""
PREFIX = "hold_"
"""Secret scanners recognise a token by it in places where it should not be: a repository, a log."""
SECRET_BYTES = 32
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Caller:
    """The sender of a request. Its name is that of its token, and the owner of the experiments that it submits.

    seconds_left: until the token expires, counted from its lookup; None if it does not expire.
    """

    name: str
    scope: Scope
    seconds_left: float | None = field(default=None, compare=False)

    def may(self, needed: Scope) -> bool:
        """Whether the scope of the caller includes `needed`."""
        return SCOPES.index(self.scope) >= SCOPES.index(needed)


VALID = and_(Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > now()))
LEFT = (Token.expires_at - now()).label("seconds_left")
FIND = select(Token.name, Token.scope, LEFT).where(Token.sha256 == bindparam("sha256"), VALID)
EXIST = select(Token.id).limit(ONE)
"""Built once: every request executes these two."""


def create(connection: Connection, name: str, scope: Scope, *, expires_days: float | None = None) -> str:
    """Create a token, and return it this once. Raises NameTaken while another one of this name is valid."""
    if connection.execute(select(Token.id).where(Token.name == name, VALID)).first():
        raise NameTaken(name)
    token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    expires_at = None if expires_days is None else now() + expires_days * DAY_SECONDS
    row = {"name": name, "scope": scope, "sha256": _hash(token), "expires_at": expires_at}
    connection.execute(insert(Token).values(**row, created_at=now()))
    return token


def find(connection: Connection | NonblockingReader, token: str) -> Caller | None:
    """The caller whose token this is; None if it is not valid."""
    row = connection.execute(FIND, {"sha256": _hash(token)}).first()
    return Caller(*row) if row else None


def any_exist(connection: Connection | NonblockingReader) -> bool:
    """Whether a token was ever created, valid or not."""
    return connection.execute(EXIST, {}).first() is not None


def list_all(connection: Connection) -> Rows:
    """All tokens, the oldest first, each with whether it is `valid`."""
    columns: list[Any] = [Token, VALID.label("valid")]
    return connection.execute(select(*columns).order_by(Token.id)).all()


def revoke(connection: Connection, name: str) -> None:
    """Revoke a token for good. Raises UnknownToken if none of this name is valid."""
    revoked = update(Token).where(Token.name == name, VALID).values(revoked_at=now())
    if not connection.execute(revoked.returning(Token.id)).all():
        raise UnknownToken(name)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
