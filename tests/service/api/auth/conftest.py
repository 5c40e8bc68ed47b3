"""A service with a token of each scope."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store.credentials import tokens
from service.store.credentials.tokens import SCOPES, Scope
from service.store.database import Database

Headers = dict[str, str]
Bearer = Callable[[Scope | None], Headers]


@pytest.fixture(scope="module")
def closed_service(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for many requests, which change nothing."""
    folder = tmp_path_factory.mktemp("closed_service")
    shutil.copy(migrated_file, folder / "holdout.db")
    with TestClient(create_app(Settings(workers=0, data_dir=folder))) as client:
        yield client


@pytest.fixture(scope="module")
def its_bearer(closed_service: TestClient) -> Bearer:
    """The headers with its token of a scope; none for None."""
    return bearer_of(_made(closed_service.app.state.database))  # type: ignore[attr-defined]


@pytest.fixture
def made(database: Database) -> dict[Scope, str]:
    """The three tokens, each named after its scope."""
    return _made(database)


@pytest.fixture
def bearer(made: dict[Scope, str]) -> Bearer:
    """The headers with the token of a scope; none for None."""
    return bearer_of(made)


def _made(database: Database) -> dict[Scope, str]:
    with database.write() as connection:
        return {scope: tokens.create(connection, scope, scope) for scope in SCOPES}


def bearer_of(made: dict[Scope, str]) -> Bearer:
    return lambda scope: {"Authorization": f"Bearer {made[scope]}"} if scope else {}
