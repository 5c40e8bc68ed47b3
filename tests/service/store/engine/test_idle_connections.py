"""Pooled connections to PostgreSQL: tested where they may be broken, and not before each query."""

from typing import Any

import pytest
from sqlalchemy import text

from service.store.database import Database
from service.store.engine import idle_connections

END_OTHERS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid")
PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """PostgreSQL alone: a file is not closed by its server."""
    return postgresql_url


@pytest.fixture
def tested(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections that were tested."""
    connections: list[Any] = []
    ping = database.engine.dialect.do_ping

    def noted(connection: Any) -> bool:
        connections.append(connection)
        return ping(connection)

    monkeypatch.setattr(database.engine.dialect, "do_ping", noted)
    return connections


def pid(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(PID) or 0)


def end(database: Database, pid: int) -> None:
    """End a session from another one."""
    other = Database(database.url.render_as_string(hide_password=False))
    with other.read() as connection:
        connection.execute(END_OTHERS, {"pid": pid})
    other.close()


def test_a_connection_that_was_just_used_is_not_tested(database: Database, tested: list[Any]) -> None:
    assert pid(database) == pid(database)
    assert tested == []


def test_a_connection_that_has_been_idle_is_tested(
    database: Database, tested: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_connections, "TRUSTED_SECONDS", 0.0)
    assert pid(database) == pid(database)
    assert len(tested) == 1


@pytest.mark.parametrize("trusted_seconds", [60.0, 0.0])
def test_a_connection_that_the_server_has_closed_is_replaced(
    database: Database, tested: list[Any], monkeypatch: pytest.MonkeyPatch, trusted_seconds: float
) -> None:
    monkeypatch.setattr(idle_connections, "TRUSTED_SECONDS", trusted_seconds)
    before = pid(database)
    end(database, before)
    tested.clear()
    assert pid(database) != before
    assert len(tested) == 1


def test_one_broken_connection_replaces_all_idle_ones(database: Database, tested: list[Any]) -> None:
    """A server that was restarted has closed all."""
    with database.read() as first, database.read() as second:
        both = [int(each.scalar(PID) or 0) for each in (first, second)]
    for each in both:
        end(database, each)
    tested.clear()
    with database.read() as first, database.read() as second:
        assert not {first.scalar(PID), second.scalar(PID)} & set(both)
    assert len(tested) == 1
