"""Long polling on a live service: who asks to wait is answered with the news, or when the time is over."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from typing import Any

import pytest
from httpx2 import Client, ReadTimeout, Response
from sqlalchemy import event

from service.api.live.change_feed import ChangeFeed
from service.store.credentials import tokens
from service.store.database import Database
from service.store.status_reader import ExperimentState
from tests.service.conditional import get
from tests.service.fake_worker import CONFUSION, FakeWorker
from tests.service.live_server import Live

SOON = 10.0
"""Seconds within which an answer does not count as one that came because the time was over."""


@pytest.fixture
def statements(service: Live) -> Iterator[list[str]]:
    """The SQL that the service runs, as it is run."""
    seen: list[str] = []

    def keep(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(service.database.engine, "before_cursor_execute", keep)
    yield seen
    event.remove(service.database.engine, "before_cursor_execute", keep)


class Waiting:
    """Requests that wait, each in a thread of its own."""

    def __init__(self, client: Client, threads: ThreadPoolExecutor) -> None:
        self.client, self.threads = client, threads

    def get(self, path: str, tag: str | None = None, **query: Any) -> "Future[Response]":
        return self.threads.submit(get, self.client, path, tag, **query)


@pytest.fixture
def waiting(service: Live) -> Iterator[Waiting]:
    with ThreadPoolExecutor(80) as threads:
        yield Waiting(service.client, threads)
        service.request_stop()  # where a test has failed, the others are not waited for


def test_a_waiting_request_gets_the_change(
    client: Client, fake_worker: FakeWorker, running: int, waiting: Waiting
) -> None:
    path = f"/experiments/{running}"
    tag = get(client, path).headers["etag"]
    cursor = get(client, f"{path}/metrics").json()["next"].partition("=")[2]
    page = get(client, f"/ui/experiment-states/{running}").headers["etag"]
    waiters = {
        "by its tag": waiting.get(path, tag, wait=60),
        "as it is now": waiting.get(path, wait=60),
        "by a cursor": waiting.get(f"{path}/metrics", cursor=cursor, wait=60),
        "by an epoch": waiting.get(f"{path}/metrics", after_epoch=1, wait=60),
        "a page": waiting.get(f"/ui/experiment-states/{running}", page, wait=60),
        "metrics by their tag": waiting.get(
            f"{path}/metrics", get(client, f"{path}/metrics").headers["etag"], wait=60
        ),
    }
    time.sleep(0.5)
    assert not any(each.done() for each in waiters.values())
    fake_worker.epoch(running, 2, CONFUSION)
    for name, each in waiters.items():
        response = each.result(SOON)
        assert response.status_code == 200, name
        if name == "a page":
            assert 'data-epoch="2"' in response.text
        elif "items" in response.json():
            assert response.json()["items"][-1]["epoch"] == 2, name
        else:
            assert response.json()["progress"]["epoch"] == 2, name


def test_the_end_of_a_run_in_this_process_is_seen_at_once(
    service: Live, fake_worker: FakeWorker, running: int, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.live.change_feed.PAUSE_SECONDS", 50.0)
    waiters = waiting.get(f"/experiments/{running}", wait=60)
    time.sleep(0.5)  # the watch has looked, and would look again in 50 seconds
    fake_worker.epoch(running, 2, CONFUSION)
    service.app.state.change_feed.look()
    assert waiters.result(SOON).json()["progress"]["epoch"] == 2


def test_without_news_it_is_304_when_the_time_is_over(client: Client, running: int) -> None:
    tag = get(client, f"/experiments/{running}").headers["etag"]
    started = time.monotonic()
    assert get(client, f"/experiments/{running}", tag, wait=1).status_code == 304
    assert time.monotonic() - started >= 0.9


def test_a_client_that_has_missed_a_change_does_not_wait(
    client: Client, fake_worker: FakeWorker, running: int
) -> None:
    path = f"/experiments/{running}"
    missed = [
        get(client, path, 'W/"old"', wait=60),
        get(client, f"{path}/metrics", wait=60),
        get(client, f"{path}/metrics", after_epoch=0, seed=0, split="train", wait=60),
        get(client, "/experiments/99", wait=60),
        get(client, "/experiments/99/metrics", wait=60),
    ]
    assert [each.status_code for each in missed] == [200, 200, 200, 404, 404]
    fake_worker.finish(running, "failed", cause="diverged")
    client.post(f"{path}/cancel")
    assert get(client, path, wait=60).json()["status"] == "failed"
    assert get(client, f"{path}/metrics", after_epoch=1, wait=60).json() == {"items": [], "next": None}


def test_rows_of_another_seed_or_split_are_no_news(
    client: Client, fake_worker: FakeWorker, running: int
) -> None:
    path = f"/experiments/{running}/metrics"
    queries: list[dict[str, Any]] = [{"seed": 1}, {"after_epoch": 1, "seed": 0}]
    for query in queries:
        assert get(client, path, **query, wait=0.3).json()["items"] == [], query


def test_the_time_to_wait_is_limited(client: Client) -> None:
    for wait in ("-1", "61", "nan", "inf", "x"):
        assert client.get(f"/experiments/1?wait={wait}").json()["errors"][0]["path"] == "wait"


def test_an_experiment_that_is_deleted_ends_the_wait(
    client: Client, fake_worker: FakeWorker, waiting: Waiting
) -> None:
    experiment_id = fake_worker.submit()
    client.post(f"/experiments/{experiment_id}/cancel")
    path = f"/experiments/{experiment_id}"
    waiters = waiting.get(path, get(client, path).headers["etag"], wait=60)
    time.sleep(0.3)
    client.delete(path)
    assert waiters.result(SOON).status_code == 404


def test_waiting_requests_use_no_thread_and_a_query_for_each_commit(
    service: Live,
    client: Client,
    fake_worker: FakeWorker,
    running: int,
    waiting: Waiting,
    statements: list[str],
) -> None:
    path, other = f"/experiments/{running}", f"/experiments/{fake_worker.submit()}"
    waiters = [waiting.get(path, get(client, path).headers["etag"], wait=30) for _ in range(70)]
    time.sleep(1.5)
    statements.clear()
    time.sleep(0.5)
    assert [each for each in statements if "runs" in each] == []  # nothing was committed
    client.patch(other, json={"note": "of another experiment"})
    statements.clear()
    time.sleep(0.5)
    asked = [each for each in statements if "runs" in each]
    assert len(asked) == 1  # for more requests than there are threads
    assert client.get("/experiments").status_code == 200
    service.request_stop()  # a stop ends every wait
    assert {each.result(SOON).status_code for each in waiters} == {304}


def test_one_feed_polls_a_database_that_tells_no_version(
    client: Client,
    running: int,
    waiting: Waiting,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Database, "version", lambda _: None)  # as PostgreSQL
    path = f"/experiments/{running}"
    waiters = [waiting.get(path, wait=1.5) for _ in range(3)]
    time.sleep(0.5)
    statements.clear()
    time.sleep(0.5)
    assert 1 <= len([each for each in statements if "runs" in each]) <= 6
    assert {each.result(SOON).status_code for each in waiters} == {200}


def test_who_waits_anew_for_the_same_experiment_is_not_forgotten(service: Live, running: int) -> None:
    """Nothing is committed between the two, and the reader has not rested: it has read these states already."""
    feed: ChangeFeed[ExperimentState] = service.app.state.change_feed

    async def first_state() -> ExperimentState | None:
        async with asyncio.timeout(SOON), aclosing(feed.changes(running)) as changes:
            return await anext(changes)

    async def twice() -> list[ExperimentState | None]:
        return [await first_state(), await first_state()]

    before, after = asyncio.run_coroutine_threadsafe(twice(), feed.loop).result(2 * SOON)
    assert before == after


def test_who_closes_a_page_does_not_leave_its_wait_behind(
    service: Live, client: Client, running: int, statements: list[str]
) -> None:
    """The page asks within the process, for as long as its own client is there."""
    path = f"/ui/experiment-states/{running}"
    tag = get(client, path).headers["etag"]
    with pytest.raises(ReadTimeout):
        client.get(path, params={"wait": 60}, headers={"If-None-Match": tag}, timeout=0.5)
    time.sleep(0.5)
    statements.clear()
    with service.database.write() as connection:
        tokens.create(connection, "reader", "read")
    time.sleep(0.5)
    assert [each for each in statements if "runs" in each] == []


def test_nothing_is_read_while_no_request_waits(client: Client, running: int, statements: list[str]) -> None:
    get(client, f"/experiments/{running}/metrics", after_epoch=1, wait=0.3)
    time.sleep(0.3)
    statements.clear()
    time.sleep(0.5)
    assert [each for each in statements if "runs" in each] == []
