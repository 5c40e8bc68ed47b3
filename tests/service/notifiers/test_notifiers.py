import sys

import pytest

from service.notifiers import PollingNotifier, notifier_of
from service.settings import Settings, UnusableSetting
from service.store.database import Database
from tests.service.notifiers.fakes import Bell

POSTGRES = "postgresql://holdout@/holdout?host=/nowhere"


def test_one_machine_needs_no_engine(sqlite_url: str) -> None:
    engine, bell, database = notifier_of(Settings()), Bell(), Database(sqlite_url)
    assert isinstance(engine, PollingNotifier)
    with engine.listening(bell), database.write() as connection:
        engine.migrate(connection)
        engine.announce(connection, 1, 3)
    assert bell.rung == []
    database.close()


def test_procrastinate_wants_postgres() -> None:
    with pytest.raises(UnusableSetting, match="works on Postgres: set HOLDOUT_DATABASE_URL"):
        notifier_of(Settings(engine="procrastinate"))


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "service.notifiers.procrastinate", raising=False)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    with pytest.raises(UnusableSetting, match=r"needs procrastinate: pip install 'holdout\[cluster\]'"):
        notifier_of(Settings(engine="procrastinate", database_url=POSTGRES))


def test_an_agent_that_is_rung_looks_by_itself_less_often() -> None:
    assert (
        Settings().poll_seconds < Settings(engine="procrastinate", database_url=POSTGRES).poll_seconds <= 1.0
    )
