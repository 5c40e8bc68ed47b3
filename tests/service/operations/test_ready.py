"""/ready: each problem that makes the service not ready."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from unittest.mock import patch

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.app import create_app
from service.operations import readiness
from service.operations.store_check import StoreCheck
from service.routes import health
from service.settings import Settings
from service.store import migrations
from service.store.database import Database


def problems(client: TestClient) -> dict[str, str]:
    """The messages of the problems, by path."""
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    problem = response.json()
    assert problem["type"] == "/problems/not-ready"
    assert client.get("/health").status_code == 200
    return {error["path"]: error["message"] for error in problem["errors"]}


@pytest.fixture(autouse=True)
def not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CACHED_SECONDS", 0.0)


def test_the_checks_run_once_a_second_at_most(
    client: TestClient, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CACHED_SECONDS", 60.0)
    assert {client.get("/ready").status_code for _ in range(20)} == {200}
    assert len([each for each in statements if each.startswith("UPDATE")]) == 1


def test_a_service_without_problems_is_ready(client: TestClient) -> None:
    assert client.get("/ready").json() == {"status": "ready"}


def test_without_its_tables_it_is_not_ready(client: TestClient, database: Database) -> None:
    rename(database, "experiments", "elsewhere")
    try:
        assert set(problems(client)) == {"database"}
    finally:
        rename(database, "elsewhere", "experiments")


def rename(database: Database, table: str, name: str) -> None:
    run(database, f"ALTER TABLE {table} RENAME TO {name}")


def test_with_the_schema_of_another_version_it_is_not_ready(client: TestClient, database: Database) -> None:
    run(database, "UPDATE alembic_version SET version_num = '0001'")
    try:
        assert "run holdout migrate" in problems(client)["schema"]
    finally:
        run(database, f"UPDATE alembic_version SET version_num = '{migrations.newest()}'")


@pytest.fixture
def read_only(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """A service that can read the database, but not write to it."""
    url = database.url
    if database.is_sqlite:
        url = url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
    else:
        url = url.set(username="reader")
        run(database, "CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    settings = Settings(workers=0, data_dir=tmp_path, database_url=url.render_as_string(hide_password=False))
    with TestClient(create_app(settings)) as client:
        yield client
    if not database.is_sqlite:
        run(database, "DROP OWNED BY reader", "DROP ROLE reader")


def run(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_with_a_read_only_database_it_is_not_ready(read_only: TestClient) -> None:
    assert read_only.get("/experiments").status_code == 200
    assert problems(read_only) == {"database": "the database accepts no writes"}


@pytest.fixture
def with_agent(sqlite_url: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(workers=1, data_dir=tmp_path, database_url=sqlite_url)
    with TestClient(create_app(settings)) as client:
        yield client


def test_with_a_stopped_agent_it_is_not_ready(
    with_agent: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MAX_AGENT_SILENCE_SECONDS", 2.0)
    time.sleep(2.5)
    assert with_agent.get("/ready").status_code == 200
    agent = with_agent.app.state.agent  # type: ignore[attr-defined]
    agent.stop()
    time.sleep(2.1)
    assert "has stopped" in problems(with_agent)["agent"]


def test_with_an_artifact_store_that_cannot_be_used_it_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    check: StoreCheck = client.app.state.readiness._store  # type: ignore[attr-defined]
    files = check._files

    def denied(*_: object) -> None:
        raise PermissionError("Access Denied")

    with monkeypatch.context() as broken:
        broken.setattr(files._system, "pipe_file", denied)
        check.run()
        assert problems(client) == {"artifacts": "the artifact store cannot be used; the log says why"}
    check.run()
    assert client.get("/ready").status_code == 200


def test_nobody_waits_for_an_artifact_store_that_hangs(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    check: StoreCheck = client.app.state.readiness._store  # type: ignore[attr-defined]
    called, end = Event(), Event()

    def hang() -> None:
        called.set()
        end.wait(10)

    monkeypatch.setattr(check._files, "check", hang)
    check._due = 0.0
    started = time.monotonic()
    assert client.get("/ready").status_code == 200
    assert called.wait(5)
    assert time.monotonic() - started < 5
    end.set()


def test_an_old_sqlite_causes_a_warning(client: TestClient, database: Database) -> None:
    client.get("/ready")
    for has_bug in (False, True):
        with patch.object(health, "has_wal_reset_bug", return_value=has_bug):
            warnings = client.get("/health").json()["warnings"]
        expected = ["sqlite-wal-reset"] if has_bug and database.is_sqlite else []
        assert [each["code"] for each in warnings] == expected
