"""Fixtures for tests of the agent: a database, data sets and settings, and a harness that submits experiments."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings
from service.store.database import Database
from tests.harness import Harness
from workers.data.registry import DatasetRegistry


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests, so that data sets are parsed and split once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    return Settings(database_url=database_url, data_dir=data_dir, workers=2)


@pytest.fixture
def harness(database: Database, settings: Settings) -> Harness:
    return Harness(database, DatasetRegistry(settings.data_dir), settings)
