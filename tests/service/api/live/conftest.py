"""What only a server that is connected to can show: answers that wait, and streams. On SQLite alone, as what they
read, every other answer reads too, on both databases."""

from collections.abc import Iterator

import pytest
from httpx2 import Client

from service.settings import Settings
from tests.service.fake_worker import FakeWorker
from tests.service.live_server import Live, live


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def service(settings: Settings) -> Iterator[Live]:
    with live(settings) as service:
        yield service


@pytest.fixture
def client(service: Live) -> Client:
    return service.client


@pytest.fixture
def fake_worker(service: Live) -> FakeWorker:
    return service.fake_worker
