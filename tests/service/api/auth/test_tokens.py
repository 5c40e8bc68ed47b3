"""Tokens in the store, on both databases."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from service.store.credentials import tokens
from service.store.credentials.tokens import SCOPES, Caller, Scope
from service.store.database import Database
from service.store.engine.clock import now
from service.store.errors import NameTaken, UnknownToken
from service.store.tables import Token


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def make(database: Database, name: str = "ci", scope: Scope = "submit", days: float | None = None) -> str:
    with database.write() as connection:
        return tokens.create(connection, name, scope, expires_days=days)


def find(database: Database, token: str) -> Caller | None:
    with database.read() as connection:
        return tokens.find(connection, token)


def test_a_token_is_found_by_itself_and_by_nothing_else(database: Database) -> None:
    token = make(database)
    assert find(database, token) == Caller("ci", "submit")
    for other in (token[:-1], token + "A", token.swapcase(), "", "hold_", token.removeprefix("hold_")):
        assert find(database, other) is None


def test_a_token_has_256_bits_and_a_prefix_by_which_scanners_know_it(database: Database) -> None:
    made = {make(database, f"t{number}") for number in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch("hold_[A-Za-z0-9_-]{43}", token) for token in made)


def test_only_its_hash_is_stored(database: Database) -> None:
    token = make(database)
    with database.read() as connection:
        (row,) = connection.execute(select(Token)).all()
    assert row.sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert not any(token[5:] in str(value) for value in row)


def test_what_was_revoked_is_never_valid_again_and_leaves_its_name(database: Database) -> None:
    first = make(database)
    with database.write() as connection:
        tokens.revoke(connection, "ci")
    second = make(database)
    assert find(database, first) is None
    assert find(database, second) == Caller("ci", "submit")
    with database.read() as connection:
        assert [row.valid for row in tokens.list_all(connection)] == [False, True]


def test_a_name_belongs_to_one_valid_token(database: Database) -> None:
    make(database)
    with pytest.raises(NameTaken, match="revoke it first"):
        make(database)


def test_an_expired_token_is_not_valid_and_leaves_its_name(database: Database) -> None:
    token = make(database, days=1)
    assert find(database, token) is not None
    with database.write() as connection:
        (row,) = connection.execute(select(Token.expires_at, now().label("clock"))).all()
        assert row.expires_at - row.clock == pytest.approx(86_400, abs=5)
        connection.execute(update(Token).values(expires_at=now() - 0.001))
    assert find(database, token) is None
    make(database)


def test_a_name_that_no_valid_token_has_cannot_be_revoked(database: Database) -> None:
    make(database)
    with database.write() as connection, pytest.raises(UnknownToken):
        tokens.revoke(connection, "CI")


def test_that_there_ever_was_a_token_is_not_forgotten(database: Database) -> None:
    with database.write() as connection:
        assert not tokens.any_exist(connection)
        tokens.create(connection, "ci", "read")
        tokens.revoke(connection, "ci")
        assert tokens.any_exist(connection)


def test_each_scope_may_do_what_those_before_it_may() -> None:
    table = {scope: [needed for needed in SCOPES if Caller("x", scope).may(needed)] for scope in SCOPES}
    assert table == {
        "read": ["read"],
        "submit": ["read", "submit"],
        "admin": ["read", "submit", "admin"],
    }
