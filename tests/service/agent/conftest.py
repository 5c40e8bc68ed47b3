"""Experiments on small data, for agents to work on."""

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
    """One folder for all: what was parsed and split once is there for the next test."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    return Settings(database_url=database_url, data_dir=data_dir, workers=2)


@pytest.fixture
def harness(database: Database, settings: Settings) -> Harness:
    return Harness(database, DatasetRegistry(settings.data_dir), settings)
