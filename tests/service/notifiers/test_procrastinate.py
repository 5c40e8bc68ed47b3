import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Row, inspect, text

from service.notifiers import Notifier, notifier_of
from service.notifiers.procrastinate import WAKE
from service.settings import Settings
from service.store import migrations
from service.store.database import Database
from service.store.tables import Base
from tests.postgresql import PostgreSQL
from tests.service.notifiers.fakes import FakeAgent

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def wake(database: Database, notifier: Notifier, experiment_id: int = 1, runs: int = 1) -> None:
    with database.write() as connection:
        notifier.wake(connection, experiment_id, queued_runs=runs)


def jobs(database: Database) -> Sequence[Row[Any]]:
    """Those of ours: at each full minute there may be one of the rescue as well."""
    mine = text("SELECT * FROM procrastinate_jobs WHERE task_name = :wake ORDER BY id")
    with database.read() as connection:
        return connection.execute(mine, {"wake": WAKE}).all()


def test_its_tables_are_made_once_and_stay(database: Database, notifier: Notifier) -> None:
    wake(database, notifier)
    migrations.upgrade(database, notifier.migrate)
    assert len(jobs(database)) == 1


def test_without_the_notifier_there_are_none_of_its_tables(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    ours = {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}
    assert set(inspect(database.engine).get_table_names()) == ours
    database.close()


def test_each_run_wakes_once(database: Database, notifier: Notifier, remote: Notifier) -> None:
    agent = FakeAgent()
    with remote.listening(agent):
        wake(database, notifier, 1, runs=3)
        agent.wait(3)
        wake(database, notifier, 2)
        agent.wait(4)
        time.sleep(0.3)
    assert len(agent.woken) == 4
    assert jobs(database) == []


def test_jobs_from_before_an_agent_listened_wake_it(
    database: Database, notifier: Notifier, remote: Notifier
) -> None:
    wake(database, notifier)
    agent = FakeAgent()
    with remote.listening(agent):
        agent.wait(1)


def test_a_rolled_back_transaction_wakes_no_agent(
    database: Database, notifier: Notifier, remote: Notifier
) -> None:
    agent = FakeAgent()
    with remote.listening(agent):
        with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
            notifier.wake(connection, 1, queued_runs=5)
            raise ZeroDivisionError
        assert jobs(database) == []
        wake(database, notifier)
        agent.wait(1)
        time.sleep(0.3)
    assert len(agent.woken) == 1


def test_no_agent_is_woken_before_the_commit(
    database: Database, notifier: Notifier, remote: Notifier
) -> None:
    agent = FakeAgent()
    with remote.listening(agent):
        with database.write() as connection:
            notifier.wake(connection, 1, queued_runs=1)
            time.sleep(0.5)
            committed = time.monotonic()
        agent.wait(1)
    assert agent.woken[0] >= committed


def test_a_full_agent_leaves_the_next_job_to_others(
    database: Database, notifier: Notifier, remote: Notifier
) -> None:
    full, free = FakeAgent(is_full=True), FakeAgent()
    with remote.listening(full), remote.listening(free):
        wake(database, notifier, runs=6)
        free.wait(5)
        time.sleep(0.3)
        assert len(full.woken) <= 1
        assert len(full.woken) + len(free.woken) == 6


def test_the_newest_experiment_does_not_wait_behind_old_jobs(database: Database, notifier: Notifier) -> None:
    """Runs that agents found by themselves leave their jobs behind."""
    for experiment_id in (1, 2, 3):
        wake(database, notifier, experiment_id)
    with database.write() as connection:
        worker = connection.scalar(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
        taken = text("SELECT priority FROM procrastinate_fetch_job_v2(NULL, :worker)")
        order = [connection.scalar(taken, {"worker": worker}) for _ in range(3)]
    assert order == [3, 2, 1]


def test_the_job_of_a_worker_that_died_is_queued_again(
    database: Database, notifier: Notifier, remote: Notifier
) -> None:
    wake(database, notifier)
    with database.write() as connection:
        worker = connection.scalar(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
        connection.execute(text("SELECT procrastinate_fetch_job_v2(NULL, :worker)"), {"worker": worker})
        connection.execute(
            text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
        )
    assert [job.status for job in jobs(database)] == ["doing"]
    agent = FakeAgent()
    with remote.listening(agent):
        agent.wait(1, seconds=70)
    assert "doing" not in [job.status for job in jobs(database)]


def test_a_lost_connection_is_made_again(database: Database, notifier: Notifier, remote: Notifier) -> None:
    agent = FakeAgent()
    with remote.listening(agent):
        wake(database, notifier)
        agent.wait(1)
        with database.write() as connection:
            connection.execute(text(TERMINATE))
        wake(database, notifier)
        agent.wait(2)


def test_a_database_that_is_away_disturbs_no_agent(
    postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    """The tables are missing: as good as no database at all."""
    agent = FakeAgent()
    settings = Settings(database_url=postgresql.create("without_tables"), engine="procrastinate")
    with notifier_of(settings).listening(agent):
        time.sleep(1.5)
    assert agent.woken == []
    assert caplog.text.count("the notifier has no connection; trying again: ") == 1


@pytest.mark.parametrize("is_full", [False, True])
def test_a_stop_is_quick_and_leaves_no_job_half_done(
    database: Database, notifier: Notifier, remote: Notifier, *, is_full: bool
) -> None:
    agent = FakeAgent(is_full=is_full)
    with remote.listening(agent):
        wake(database, notifier)
        agent.wait(1)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert jobs(database) == []
