"""A database file that is deleted or replaced under a service: nothing is read or written until it is back."""

from pathlib import Path

import pytest

from service.store import history
from service.store.credentials import tokens
from service.store.database import Database
from service.store.engine.file_identity import DatabaseReplaced
from service.store.engine.nonblocking_reader import WouldBlock


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A SQLite database: a server of PostgreSQL has its files open itself."""
    return sqlite_url


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_read_or_written_until_the_file_is_back(
    database: Database, caplog: pytest.LogCaptureFixture, replaced: bool
) -> None:
    assert database.nonblocking is not None
    history.begin(database)
    file = Path(database.url.database or "")
    aside = file.with_name("aside.db")
    file.rename(aside)
    if replaced:
        file.write_bytes(aside.read_bytes())
    for _ in range(2):
        with pytest.raises(DatabaseReplaced, match="was deleted or replaced"), database.write():
            pass
        with pytest.raises(DatabaseReplaced), database.read():
            pass
        with pytest.raises(WouldBlock):
            tokens.any_exist(database.nonblocking)
        assert database.version() is None
    assert len(caplog.messages) == 1
    assert file.exists() == replaced
    aside.rename(file)
    with database.write() as connection:
        assert history.identity(connection) is not None


def test_a_file_that_the_first_transaction_creates_is_the_one(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    for _ in range(2):
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x)")
    (tmp_path / "new.db").unlink()
    with pytest.raises(DatabaseReplaced), database.write():
        pass
    database.close()


def test_a_database_in_memory_has_no_file() -> None:
    database = Database("sqlite:///:memory:")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    database.close()
