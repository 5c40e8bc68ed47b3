"""The reader that does not wait: it sees the last commit of any process, and holds no lock."""

import pytest

from service.store.credentials import tokens
from service.store.database import Database
from service.store.engine.nonblocking_reader import NonblockingReader, WouldBlock
from service.store.engine.sqlite_driver import driver


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A SQLite database: PostgreSQL has no such reader."""
    return sqlite_url


@pytest.fixture
def observer(database: Database) -> NonblockingReader:
    assert database.nonblocking is not None
    return database.nonblocking


def test_it_finds_what_a_transaction_finds(database: Database, observer: NonblockingReader) -> None:
    with database.write() as connection:
        made = tokens.create(connection, "ci", "submit", expires_days=1)
    for token in (made, "hold_wrong"):
        with database.read() as connection:
            assert tokens.find(observer, token) == tokens.find(connection, token)
            assert tokens.any_exist(observer) == tokens.any_exist(connection)
    caller = tokens.find(observer, made)
    assert caller is not None
    assert caller.seconds_left == pytest.approx(86_400, abs=5)


def test_it_sees_each_commit_and_nothing_before(database: Database, observer: NonblockingReader) -> None:
    before = observer.version()
    with database.write() as connection:
        made = tokens.create(connection, "ci", "submit")
        assert tokens.find(observer, made) is None
    assert tokens.find(observer, made) is not None
    assert observer.version() != before
    with database.write() as connection:
        tokens.revoke(connection, "ci")
    assert tokens.find(observer, made) is None


def test_it_blocks_neither_writers_nor_wal_checkpoints(
    database: Database, observer: NonblockingReader
) -> None:
    with database.write() as connection:
        tokens.create(connection, "ci", "submit")
    assert tokens.any_exist(observer)
    other = driver.connect(str(database.url.database), timeout=0, isolation_level=None)
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    other.close()


def test_a_file_that_is_locked_is_not_waited_for(database: Database, observer: NonblockingReader) -> None:
    other = driver.connect(str(database.url.database), isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    assert observer.version() is None
    with pytest.raises(WouldBlock):
        tokens.any_exist(observer)
    other.close()
    assert not tokens.any_exist(observer)
