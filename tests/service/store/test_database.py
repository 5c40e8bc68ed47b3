import subprocess
import sys

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from service.store.database import Database, after_commit
from service.store.tables import Webhook


def test_an_action_follows_the_commit_and_never_a_rollback(database: Database) -> None:
    done: list[str] = []
    with database.write() as connection:
        after_commit(connection, lambda: done.append("committed"))
        assert done == []
    assert done == ["committed"]
    with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
        after_commit(connection, lambda: done.append("rolled back"))
        raise ZeroDivisionError
    with database.write():
        pass  # the same connection of the pool, and none of the actions from before
    assert done == ["committed"]


def test_statements_stay_prepared_after_a_read_that_raised(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    query = text("SELECT :number + 1")
    prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1%'")
    for number in range(8):
        with pytest.raises(LookupError), database.read() as connection:  # noqa: PT012
            assert connection.scalar(query, {"number": number}) == number + 1
            raise LookupError
    with database.read() as connection:
        assert connection.scalar(prepared) == 1
    database.close()


def test_a_read_that_the_database_refuses_leaves_a_usable_connection(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    with database.read() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_single_statements_see_each_commit(database: Database) -> None:
    count = select(func.count()).select_from(Webhook)
    with database.read_autocommit() as connection:
        assert connection.scalar(count) == 0
    with database.write() as connection:
        connection.execute(insert(Webhook).values(url="", events=[], secret="", created_at=0.0))
    with database.read_autocommit() as connection:
        assert connection.scalar(count) == 1
    with database.write() as connection:  # the same connection of the pool, with transactions again
        connection.execute(insert(Webhook).values(url="", events=[], secret="", created_at=0.0))
        connection.rollback()
    with database.read_autocommit() as connection:
        assert connection.scalar(count) == 1


def test_a_commit_is_on_the_disk() -> None:
    """In a process of its own: those of the tests flush nothing."""
    program = (
        "from service.store.database import Database\n"
        "with Database('sqlite://').read() as connection:\n"
        "    print(connection.exec_driver_sql('PRAGMA synchronous').scalar())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2"]  # FULL


def test_a_version_that_cannot_be_read_is_an_error_of_the_database(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgresql_url)
    before = database.snapshot()
    with monkeypatch.context() as patch, pytest.raises(OperationalError):  # noqa: PT012
        patch.setattr("service.store.database.SNAPSHOT", "SELECT nothing")
        database.snapshot()
    assert database.snapshot() == before
    with database.write() as connection:  # the same connection of the pool, with transactions again
        connection.execute(insert(Webhook).values(url="", events=[], secret="", created_at=0.0))
        connection.rollback()
    assert database.snapshot() != before  # a rollback ends a transaction too
    database.close()
