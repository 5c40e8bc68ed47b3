import sys

import pytest

from service.notifiers import PollingNotifier, notifier_of
from service.settings import Settings, UnusableSetting
from service.store.database import Database
from tests.service.notifiers.fakes import FakeAgent

POSTGRES = "postgresql://holdout@/holdout?host=/nowhere"


def test_an_agent_of_the_same_process_is_woken_once_the_transaction_has_committed(sqlite_url: str) -> None:
    notifier, agent, database = notifier_of(Settings()), FakeAgent(), Database(sqlite_url)
    assert isinstance(notifier, PollingNotifier)
    with notifier.listening(agent):
        with database.write() as connection:
            notifier.migrate(connection)
            notifier.wake(connection, 1, queued_runs=3)
            assert agent.woken == []
        assert len(agent.woken) == 1
        with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
            notifier.wake(connection, 1)
            raise ZeroDivisionError
    with database.write() as connection:
        notifier.wake(connection, 1)
    assert len(agent.woken) == 1
    database.close()


def test_procrastinate_needs_postgres() -> None:
    with pytest.raises(UnusableSetting, match="works on Postgres: set HOLDOUT_DATABASE_URL"):
        notifier_of(Settings(engine="procrastinate"))


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "service.notifiers.procrastinate", raising=False)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    with pytest.raises(UnusableSetting, match=r"needs procrastinate: pip install 'holdout\[cluster\]'"):
        notifier_of(Settings(engine="procrastinate", database_url=POSTGRES))


def test_an_agent_that_is_woken_polls_less_often() -> None:
    assert (
        Settings().poll_seconds < Settings(engine="procrastinate", database_url=POSTGRES).poll_seconds <= 1.0
    )
