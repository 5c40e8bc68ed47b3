"""Fixtures for tests of the store: both databases, and a harness for the queue."""

from collections.abc import Iterator

import pytest

from service.store import queue
from service.store.database import Database
from tests.service.store.experiments import QueueHarness


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def harness(database: Database) -> QueueHarness:
    return QueueHarness(database)


@pytest.fixture(autouse=True)
def statements_built_anew() -> None:
    """Build the cached statements anew, or no test would notice what `make mutation` changes in their functions."""
    for cached in (queue._claim_next, queue._end_expired, queue._finish, queue._status_update):
        cached.cache_clear()
