"""The caller is looked up again after every commit: on SQLite without a pooled connection or a thread."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.settings import Settings
from service.store.credentials import tokens
from service.store.database import Database
from service.store.engine.nonblocking_reader import NonblockingReader, WouldBlock
from tests.program_template import run_holdout
from tests.service.fake_worker import CONFUSION, FakeWorker


@pytest.fixture
def elsewhere(settings: Settings) -> Iterator[Database]:
    """Another connection to the application's database, as another process has one."""
    database = Database(settings.url)
    yield database
    database.close()


@pytest.fixture
def running(fake_worker: FakeWorker) -> str:
    """The path of an experiment that goes on."""
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    return f"/experiments/{experiment_id}"


def headers(database: Database, name: str) -> dict[str, str]:
    with database.write() as connection:
        return {"Authorization": f"Bearer {tokens.create(connection, name, 'read')}"}


def status(client: TestClient, path: str, headers: dict[str, str] | None = None) -> int:
    return client.get(path, headers=headers).status_code


@pytest.mark.parametrize("path", ["", "/metrics", "/classes"])
def test_a_token_works_from_its_commit_on_and_ends_with_the_commit_that_revokes_it(
    client: TestClient, elsewhere: Database, running: str, path: str
) -> None:
    path = running + path
    assert status(client, path) == 200
    ada, bob = headers(elsewhere, "ada"), headers(elsewhere, "bob")
    assert [status(client, path, each) for each in (ada, bob, ada, bob, None)] == [200, 200, 200, 200, 401]
    with elsewhere.write() as connection:
        tokens.revoke(connection, "ada")
    assert [status(client, path, each) for each in (bob, ada, bob)] == [200, 401, 200]


def test_another_process_revokes_a_token(client: TestClient, settings: Settings, running: str) -> None:
    ada = {"Authorization": f"Bearer {_holdout(settings, 'token', 'create', 'ada')}"}
    assert [status(client, running, ada) for _ in range(3)] == [200] * 3
    _holdout(settings, "token", "revoke", "ada")
    assert status(client, running, ada) == 401


def test_after_an_epoch_is_stored_the_caller_is_found_without_a_query(
    client: TestClient, database: Database, fake_worker: FakeWorker, running: str, statements: list[str]
) -> None:
    ada = headers(database, "ada")
    assert status(client, running, ada) == 200
    fake_worker.epoch(int(running.rpartition("/")[2]), 2, CONFUSION)
    statements.clear()
    assert status(client, running, ada) == 200
    assert any("tokens" in each for each in statements) != database.is_sqlite


def test_the_first_response_after_a_commit_serves_all_callers(
    client: TestClient, database: Database, fake_worker: FakeWorker, running: str, statements: list[str]
) -> None:
    everybody = [headers(database, name) for name in ("ada", "bob", "eve")]
    fake_worker.epoch(int(running.rpartition("/")[2]), 2, CONFUSION)
    for path in (running, f"{running}/metrics"):
        first = client.get(path, headers=everybody[0])
        statements.clear()
        assert [client.get(path, headers=each).content for each in everybody] == [first.content] * 3
        assert not [each for each in statements if "tokens" not in each]
        statements.clear()
        assert [client.get(path, headers=each).content for each in everybody] == [first.content] * 3
        assert statements == []


def test_if_the_database_cannot_be_read_without_waiting_a_thread_waits(
    client: TestClient, database: Database, running: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseen(*_: Any) -> None:
        raise WouldBlock

    ada = headers(database, "ada")
    monkeypatch.setattr(NonblockingReader, "execute", unseen)
    assert [status(client, running, each) for each in (ada, ada, None)] == [200, 200, 401]


def test_wrong_tokens_for_a_cached_response_are_counted_once(
    client: TestClient, settings: Settings, running: str, app: Any
) -> None:
    ada, wrong = headers(app.state.database, "ada"), {"Authorization": "Bearer hold_wrong"}
    assert status(client, running, ada) == 200
    rates = app.state.authenticator.rates
    limit = rates._limits["refusals"].amount
    assert status(client, running, wrong) == 401
    for _ in range(limit - 1):
        rates.count("refusals", "")
    assert status(client, running, wrong) == 429
    assert status(client, running, ada) == 200


def _holdout(settings: Settings, *arguments: str) -> str:
    """What a command on the same database prints."""
    environment = os.environ | {"HOLDOUT_DATABASE_URL": settings.url}
    done = run_holdout(*arguments, "--data-dir", str(settings.data_dir), env=environment)
    done.check_returncode()
    return done.stdout.strip()
