"""The application on both databases, without workers: a fake worker stores what they would report."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from tests.service.fake_worker import FakeWorker
from tools import make_openapi
from workers.sandbox.client import SandboxClient


@pytest.fixture(scope="session")
def defaults() -> Settings:
    """Made once: to read the environment takes longer than most tests."""
    return Settings(workers=0)


@pytest.fixture
def settings(defaults: Settings, database_url: str, tmp_path: Path) -> Settings:
    return defaults.model_copy(update={"data_dir": tmp_path, "database_url": database_url})


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """Made once: it reads its settings whenever it starts.

    Its document is the committed one: to build it takes seconds. tests/tools/test_make_openapi.py compares both.
    """
    app, document = create_app(Settings(workers=0)), make_openapi.committed()
    app.openapi = lambda: document  # type: ignore[method-assign]
    return app


@pytest.fixture(scope="session", autouse=True)
def sandbox() -> Iterator[SandboxClient]:
    """One server reads the uploads of all tests: it takes a second to import what it needs."""
    with closing(SandboxClient()) as client, pytest.MonkeyPatch.context() as patch:
        kept_open = SimpleNamespace(read=client.read, close=lambda: None)
        patch.setattr("service.datasets.uploads.SandboxClient", lambda: kept_open)
        yield client


@pytest.fixture
def client(app: FastAPI, settings: Settings) -> Iterator[TestClient]:
    app.state.settings = settings
    with TestClient(app) as client:
        yield client


@pytest.fixture
def database(app: FastAPI, client: TestClient) -> Database:
    """The application's own."""
    database: Database = app.state.database
    return database


@pytest.fixture
def fake_worker(client: TestClient, database: Database) -> FakeWorker:
    return FakeWorker(client, database)


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL that is run, as it is run, but for the version of the database, which the driver reads."""
    seen: list[str] = []

    def keep(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(database.engine, "before_cursor_execute", keep)
    yield seen
    event.remove(database.engine, "before_cursor_execute", keep)


@pytest.fixture
def in_process(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requests of `service.client`, and so of the commands, reach the application without a server."""
    methods = {name: getattr(client, name) for name in ("request", "get", "post", "stream")}
    kept_open = SimpleNamespace(**methods, close=lambda: None)
    monkeypatch.setattr("service.client.connection.httpx2.Client", lambda **_: kept_open)
