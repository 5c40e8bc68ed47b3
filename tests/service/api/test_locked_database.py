"""While another program holds a lock that writers need: readers notice nothing, and no writer is lost or doubled."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from httpx2 import Client, Response
from sqlalchemy import URL, text

from service.api.thread_limiters import LIMITS
from service.operations import readiness
from service.settings import Settings
from service.store.engine.sqlite_driver import driver
from tests.service.fake_worker import CONFUSION
from tests.service.live_server import Live, live

WRITERS = 60
HEALTH_SECONDS, CACHED_SECONDS, READ_SECONDS = 0.2, 0.2, 1.0
"""What the slowest of each kind may take."""
ROUNDS = 3
"""The best of these counts: a starved service is slow in every one, a busy machine is not."""
PLACES = LIMITS["writes"].threads + (LIMITS["writes"].most_waiting or 0)


@contextmanager
def write_lock(url: URL) -> Iterator[Callable[[], None]]:
    """Keep what writers need locked, as another program would, until the function that this yields is called."""
    if url.get_backend_name() == "sqlite":
        connection = driver.connect(str(url.database), isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        release, close = connection.rollback, connection.close
    else:
        other = psycopg.connect(f"host={url.query['host']} user=holdout dbname={url.database}")
        other.execute("LOCK TABLE experiments IN EXCLUSIVE MODE")  # reads go on
        release, close = other.rollback, other.close
    try:
        yield release
    finally:
        close()


@pytest.fixture
def service(settings: Settings) -> Iterator[Live]:
    with live(settings) as service:
        yield service


def post(client: Client, number: int) -> tuple[Response, float]:
    """One submission under a key of its own, and how long its answer took."""
    started = time.monotonic()
    answer = client.post(
        "/experiments", json={"dataset": "iris"}, headers={"Idempotency-Key": f"writer-{number}"}
    )
    return answer, time.monotonic() - started


def slowest(client: Client, paths: list[str]) -> float:
    """Seconds of the slowest answer, in the best round."""
    return min(max(_seconds(client, path) for path in paths) for _ in range(ROUNDS))


def _seconds(client: Client, path: str) -> float:
    started = time.monotonic()
    assert client.get(path).status_code == 200
    return time.monotonic() - started


def refused(posts: list["Future[tuple[Response, float]]"]) -> list[tuple[Response, float]]:
    return [each.result() for each in posts if each.done() and each.result()[0].status_code == 503]


def test_sixty_waiting_writers_starve_nobody(
    service: Live, record_property: Callable[[str, object], None]
) -> None:
    client = service.client
    id_ = service.fake_worker.submit()
    service.fake_worker.claim()
    service.fake_worker.epoch(id_, 1, CONFUSION)
    cached = f"/experiments/{id_}"
    client.get(cached)
    reads = ["/experiments", f"/experiments/{id_}/classes", "/datasets", f"/experiments/{id_}/metrics"]
    with ThreadPoolExecutor(WRITERS) as threads, write_lock(service.database.url) as release:
        posts = [threads.submit(post, client, number) for number in range(WRITERS)]
        deadline = time.monotonic() + 10
        while len(refused(posts)) < WRITERS - PLACES and time.monotonic() < deadline:
            time.sleep(0.02)
        surplus = refused(posts)
        health = slowest(client, ["/health"] * 10)
        memory = slowest(client, [cached] * 10)
        others = slowest(
            client,
            [f"{path}?limit={n}" if "datasets" not in path else path for n in range(1, 4) for path in reads],
        )
        one_more, seconds = post(client, WRITERS)
        assert sum(not each.done() for each in posts) == PLACES
        release()
        answers = [each.result(30) for each in posts]
    record_property(
        "shown",
        f"locked ({service.database.engine.dialect.name}): {PLACES} writers wait; slowest of /health "
        f"{1000 * health:.0f} ms, of a cached read {1000 * memory:.0f} ms, of other reads {1000 * others:.0f} ms; "
        f"{len(surplus)} surplus writers refused within {max(each[1] for each in surplus):.2f} s, one more in "
        f"{1000 * seconds:.0f} ms",
    )
    assert health < HEALTH_SECONDS
    assert memory < CACHED_SECONDS
    assert others < READ_SECONDS
    assert len(surplus) == WRITERS - PLACES
    for answer in (one_more, *(each[0] for each in surplus)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["type"] == "/problems/too-busy"
        assert "write lock" in answer.json()["detail"]
    assert sorted(answer.status_code for answer, _ in answers) == [202] * PLACES + [503] * len(surplus)
    _nothing_is_lost_or_doubled(service, [answer for answer, _ in answers])


def _nothing_is_lost_or_doubled(service: Live, answers: list[Response]) -> None:
    again = [post(service.client, number)[0] for number in range(WRITERS)]
    assert {answer.status_code for answer in again} == {202}
    for first, second in zip(answers, again, strict=True):
        assert first.status_code == 503 or first.json()["id"] == second.json()["id"]
    listed = service.client.get("/experiments", params={"limit": 1000}).json()["items"]
    assert len(listed) == 1 + WRITERS == len({each["id"] for each in listed})
    assert len({answer.json()["id"] for answer in again}) == WRITERS


def test_a_writer_that_waits_for_too_long_is_told_what_it_waited_for(
    service: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.thread_limiters.LONGEST_WAIT_SECONDS", 0.5)
    with write_lock(service.database.url), ThreadPoolExecutor(20) as threads:
        posts = [threads.submit(post, service.client, number) for number in range(20)]
        answers = [each.result(30)[0] for each in posts]
    assert {answer.status_code for answer in answers} == {503}
    kinds = {answer.json()["type"] for answer in answers}
    assert "/problems/database-unavailable" in kinds
    assert kinds <= {"/problems/database-unavailable", "/problems/too-busy"}
    locked = next(answer for answer in answers if answer.json()["type"] != "/problems/too-busy")
    assert "lock" in locked.json()["detail"]
    assert service.client.get("/experiments").json()["items"] == []
    assert post(service.client, 0)[0].status_code == 202


def test_ready_says_within_seconds_that_the_database_is_locked(
    service: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CACHED_SECONDS", 0.0)
    with write_lock(service.database.url):
        answer = service.client.get("/ready")
        assert answer.status_code == 503
        (error,) = answer.json()["errors"]
        assert (error["path"], error["value"]) == ("database", "locked")
    assert service.client.get("/ready").status_code == 200


def test_the_shorter_wait_of_a_request_does_not_stay_with_its_connection(service: Live) -> None:
    with write_lock(service.database.url) as release:
        assert service.client.get("/ready").status_code == 503
        timer = threading.Timer(3.0, release)
        timer.start()
        with service.database.write() as connection:  # as the agent does, which waits longer than /ready
            connection.execute(text("UPDATE experiments SET name = name WHERE false"))
        timer.join()
