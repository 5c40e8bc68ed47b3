"""The store on both databases, and experiments made of nothing but what the queue needs."""

from collections.abc import Iterator

import pytest

from service.store.database import Database
from tests.service.store.experiments import Desk


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)
