import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Row, inspect, text

from service.notifiers import Notifier
from service.notifiers.procrastinate import WAKE
from service.store import migrations
from service.store.database import Database
from service.store.tables import Base
from tests.service.notifiers.fakes import Bell

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def announce(database: Database, engine: Notifier, experiment_id: int = 1, runs: int = 1) -> None:
    with database.write() as connection:
        engine.announce(connection, experiment_id, runs)


def jobs(database: Database) -> Sequence[Row[Any]]:
    """Those of ours: at each full minute there may be one of the rescue as well."""
    mine = text("SELECT * FROM procrastinate_jobs WHERE task_name = :wake ORDER BY id")
    with database.read() as connection:
        return connection.execute(mine, {"wake": WAKE}).all()


def test_its_tables_are_made_once_and_stay(database: Database, engine: Notifier) -> None:
    announce(database, engine)
    migrations.upgrade(database, engine)
    assert len(jobs(database)) == 1


def test_without_the_engine_there_are_none_of_its_tables(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    ours = {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}
    assert set(inspect(database.engine).get_table_names()) == ours
    database.close()


def test_each_run_rings_once(database: Database, engine: Notifier) -> None:
    bell = Bell()
    with engine.listening(bell):
        announce(database, engine, 1, runs=3)
        bell.wait(3)
        announce(database, engine, 2)
        bell.wait(4)
        time.sleep(0.3)
    assert len(bell.rung) == 4
    assert jobs(database) == []


def test_what_was_announced_before_anybody_listened_rings(database: Database, engine: Notifier) -> None:
    announce(database, engine)
    bell = Bell()
    with engine.listening(bell):
        bell.wait(1)


def test_what_was_rolled_back_never_rings(database: Database, engine: Notifier) -> None:
    bell = Bell()
    with engine.listening(bell):
        with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
            engine.announce(connection, 1, 5)
            raise ZeroDivisionError
        assert jobs(database) == []
        announce(database, engine)
        bell.wait(1)
        time.sleep(0.3)
    assert len(bell.rung) == 1


def test_nobody_is_rung_before_the_commit(database: Database, engine: Notifier) -> None:
    bell = Bell()
    with engine.listening(bell):
        with database.write() as connection:
            engine.announce(connection, 1, 1)
            time.sleep(0.5)
            committed = time.monotonic()
        bell.wait(1)
    assert bell.rung[0] >= committed


def test_who_is_full_leaves_the_next_ring_to_others(database: Database, engine: Notifier) -> None:
    full, free = Bell(is_full=True), Bell()
    with engine.listening(full), engine.listening(free):
        announce(database, engine, runs=6)
        free.wait(5)
        time.sleep(0.3)
        assert len(full.rung) <= 1
        assert len(full.rung) + len(free.rung) == 6


def test_the_newest_experiment_does_not_wait_behind_old_rings(database: Database, engine: Notifier) -> None:
    """Runs that agents found by themselves leave their jobs behind."""
    for experiment_id in (1, 2, 3):
        announce(database, engine, experiment_id)
    with database.write() as connection:
        worker = connection.scalar(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
        taken = text("SELECT priority FROM procrastinate_fetch_job_v2(NULL, :worker)")
        order = [connection.scalar(taken, {"worker": worker}) for _ in range(3)]
    assert order == [3, 2, 1]


def test_the_job_of_a_worker_that_died_is_handed_on(database: Database, engine: Notifier) -> None:
    announce(database, engine)
    with database.write() as connection:
        worker = connection.scalar(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
        connection.execute(text("SELECT procrastinate_fetch_job_v2(NULL, :worker)"), {"worker": worker})
        connection.execute(
            text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
        )
    assert [job.status for job in jobs(database)] == ["doing"]
    bell = Bell()
    with engine.listening(bell):
        bell.wait(1, seconds=70)
    assert "doing" not in [job.status for job in jobs(database)]


def test_a_lost_connection_is_made_again(database: Database, engine: Notifier) -> None:
    bell = Bell()
    with engine.listening(bell):
        announce(database, engine)
        bell.wait(1)
        with database.write() as connection:
            connection.execute(text(TERMINATE))
        announce(database, engine)
        bell.wait(2)


def test_a_database_that_is_away_disturbs_nobody(engine: Notifier, caplog: pytest.LogCaptureFixture) -> None:
    """The tables are missing: as good as no database at all."""
    bell = Bell()
    with engine.listening(bell):
        time.sleep(1.5)
    assert bell.rung == []
    assert caplog.text.count("the doorbell is silent; trying again: ") == 1


@pytest.mark.parametrize("is_full", [False, True])
def test_a_stop_is_quick_and_leaves_no_job_half_done(
    database: Database, engine: Notifier, *, is_full: bool
) -> None:
    bell = Bell(is_full=is_full)
    with engine.listening(bell):
        announce(database, engine)
        bell.wait(1)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert jobs(database) == []
