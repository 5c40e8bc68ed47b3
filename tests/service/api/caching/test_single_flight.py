"""Of equal requests at the same time, one computes the response, and none is stuck if that one fails.

On SQLite alone: PostgreSQL has no number that tells whether the database has changed.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient, Response

from service.api.caching import response_cache
from service.store import experiment_reader
from service.store.credentials import tokens
from service.store.database import Database

MANY = 12
Get = Callable[..., Awaitable[Response]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


class SlowReader:
    """Computes responses about an experiment; the first call waits for `go_on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.started, self.go_on = 0, threading.Event(), threading.Event()
        self._find = experiment_reader.find_experiment
        monkeypatch.setattr(experiment_reader, "find_experiment", self)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            self.started.set()
            assert self.go_on.wait(10)
        return self._find(*arguments, **options)

    async def is_busy(self) -> None:
        """Wait for the first call, and for the other requests to wait for it."""
        await asyncio.to_thread(self.started.wait, 10)
        await asyncio.sleep(0.1)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> SlowReader:
    return SlowReader(monkeypatch)


def play(client: TestClient, app: FastAPI, scene: Callable[[Get], Awaitable[None]]) -> None:
    """Send requests in the event loop of the application."""

    async def run() -> None:
        transport = ASGITransport(app, client=("127.0.0.1", 1))
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as requests:
            await asyncio.wait_for(scene(requests.get), 20)

    assert client.portal is not None
    client.portal.call(run)


def test_of_equal_requests_one_computes_the_response_of_all(
    client: TestClient, app: FastAPI, running: int, reader: SlowReader
) -> None:
    async def scene(get: Get) -> None:
        tasks = [asyncio.ensure_future(get(f"/experiments/{running}")) for _ in range(MANY)]
        await reader.is_busy()
        reader.go_on.set()
        responses = await asyncio.gather(*tasks)
        assert {each.status_code for each in responses} == {200}
        assert len({each.content for each in responses}) == 1
        assert len({each.headers["x-request-id"] for each in responses}) == MANY

    play(client, app, scene)
    assert reader.calls == 1


def test_requests_after_a_commit_do_not_wait_for_an_older_response(
    client: TestClient, app: FastAPI, database: Database, running: int, reader: SlowReader
) -> None:
    async def scene(get: Get) -> None:
        first = asyncio.ensure_future(get(f"/experiments/{running}"))
        await reader.is_busy()
        with database.write() as connection:
            tokens.create(connection, "somebody", "read")
            tokens.revoke(connection, "somebody")
        assert (await get(f"/experiments/{running}")).status_code == 401
        assert not first.done()
        reader.go_on.set()
        await first

    play(client, app, scene)


def test_a_cancelled_request_hands_its_work_to_one_that_waits(
    client: TestClient, app: FastAPI, running: int, reader: SlowReader
) -> None:
    async def scene(get: Get) -> None:
        first, *others = [asyncio.ensure_future(get(f"/experiments/{running}")) for _ in range(MANY)]
        await reader.is_busy()
        first.cancel()
        others[0].cancel()
        reader.go_on.set()
        assert {(await each).status_code for each in others[1:]} == {200}
        assert first.cancelled()

    play(client, app, scene)
    assert reader.calls == 2


def test_a_response_that_takes_long_is_computed_by_those_who_have_waited_enough(
    client: TestClient, app: FastAPI, running: int, reader: SlowReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "LONGEST_WAIT_SECONDS", 0.2)

    async def scene(get: Get) -> None:
        first, *others = [asyncio.ensure_future(get(f"/experiments/{running}")) for _ in range(3)]
        assert {(await each).status_code for each in others} == {200}
        assert not first.done()
        reader.go_on.set()
        assert (await first).status_code == 200

    play(client, app, scene)


def test_errors_are_not_shared_and_no_request_waits_for_the_next(client: TestClient, app: FastAPI) -> None:
    async def scene(get: Get) -> None:
        responses = await asyncio.gather(*(get("/experiments/9") for _ in range(MANY)))
        assert {each.status_code for each in responses} == {404}
        assert len({each.headers["x-request-id"] for each in responses}) == MANY

    play(client, app, scene)


def test_each_request_that_waits_is_authorized_by_itself(
    client: TestClient, app: FastAPI, database: Database, running: int, reader: SlowReader
) -> None:
    with database.write() as connection:
        ada = {"Authorization": f"Bearer {tokens.create(connection, 'ada', 'read')}"}
    wrong = {"Authorization": "Bearer hold_wrong"}

    async def scene(get: Get) -> None:
        path = f"/experiments/{running}"
        first, *others = [asyncio.ensure_future(get(path, headers=each)) for each in (ada, wrong, {}, ada)]
        await reader.is_busy()
        reader.go_on.set()
        assert (await first).status_code == 200
        assert [(await each).status_code for each in others] == [401, 401, 200]

    play(client, app, scene)
    assert reader.calls == 1
