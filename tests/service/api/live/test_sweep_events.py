"""A sweep as it runs: its changes reach who waits for them, and each candidate that ends comes once."""

import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from httpx2 import Client

from service.api.live.sweep_sse import SweepStream
from service.http import cursors
from service.store import sweep_reader
from service.store.credentials.signing_keys import signing_key
from service.store.sweep_reader import SweepState
from tests.service.api.live.test_sse import Event, events
from tests.service.conditional import get
from tests.service.fake_worker import CONFUSION, FakeWorker
from tests.service.live_server import Live

SOON = 10.0
RATES = [0.1, 0.01, 0.001]


@pytest.fixture
def sweep(client: Client) -> int:
    dataset = {"name": "synthetic", "counts": [900, 100], "features": 2}
    request = {
        "name": "rates",
        "spec": {"dataset": dataset, "training": {"epochs": 2}},
        "space": {"optimizer.learning_rate": RATES},
    }
    return int(client.post("/sweeps", json=request).raise_for_status().json()["id"])


def train(fake_worker: FakeWorker, status: str = "succeeded") -> int:
    experiment_id, _ = fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    fake_worker.finish(experiment_id, status, cause=None if status == "succeeded" else "diverged")
    return experiment_id


def read(client: Client, sweep: int, last: str | None = None, *, at_most: int = 100) -> list[Event]:
    headers = {"Last-Event-ID": last} if last else {}
    seen: list[Event] = []
    with client.stream("GET", f"/sweeps/{sweep}/events", headers=headers) as response:
        assert response.status_code == 200
        for event in events(response.iter_lines()):
            seen.append(event)
            if len(seen) == at_most:
                break
    return seen


def candidates(seen: list[Event]) -> list[int]:
    return [each.data["candidate"] for each in seen if each.name == "candidate"]


def test_a_waiting_request_gets_the_change(
    service: Live, client: Client, fake_worker: FakeWorker, sweep: int
) -> None:
    path = f"/sweeps/{sweep}"
    tag = get(client, path).headers["etag"]
    assert get(client, path, tag, wait=0.3).status_code == 304
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(get, client, path, each, wait=60) for each in (tag, None)]
        time.sleep(0.3)
        assert not any(each.done() for each in waiting)
        fake_worker.claim()
        assert [each.result(SOON).json()["counts"]["running"] for each in waiting] == [1, 1]
        service.request_stop()
    assert get(client, path, 'W/"old"', wait=60).status_code == 200
    assert get(client, "/sweeps/99", wait=60).status_code == 404


def test_a_stream_tells_the_progress_and_each_candidate(
    client: Client, fake_worker: FakeWorker, sweep: int
) -> None:
    with client.stream("GET", f"/sweeps/{sweep}/events") as response:
        coming = events(response.iter_lines())
        first = next(coming)
        assert (first.name, first.data["counts"]["queued"]) == ("status", 3)
        assert first.data["progress"] == {"epoch": 0, "epochs": 6, "eta_seconds": None}
        ended = [train(fake_worker), train(fake_worker, "failed"), train(fake_worker)]
        seen = list(coming)
    told = [each.data for each in seen if each.name == "candidate"]
    assert [each["experiment_id"] for each in told] == ended
    assert [each["status"] for each in told] == ["succeeded", "failed", "succeeded"]
    assert [each["values"] for each in told] == [{"optimizer.learning_rate": rate} for rate in RATES]
    assert told[0]["value"] == pytest.approx((170 / 180 + 15 / 20) / 2)
    assert (seen[-1].name, seen[-1].data) == ("end", {"status": "succeeded"})


def test_whoever_is_cut_off_and_comes_back_gets_each_candidate_once(
    client: Client, fake_worker: FakeWorker, sweep: int
) -> None:
    for _ in range(3):
        train(fake_worker)
    whole = read(client, sweep)
    assert [each.name for each in whole] == ["status", "candidate", "candidate", "candidate", "end"]
    for cut in range(1, len(whole)):
        before = read(client, sweep, at_most=cut)
        last = next((each.id for each in reversed(before) if each.id), None)
        assert sorted(candidates(before + read(client, sweep, last))) == [0, 1, 2]
    again = client.get(f"/sweeps/{sweep}/events", headers={"Last-Event-ID": str(whole[-1].id)})
    assert (again.status_code, again.content) == (204, b"")


def test_a_candidate_that_is_retried_ends_again(client: Client, fake_worker: FakeWorker, sweep: int) -> None:
    train(fake_worker, "failed")
    train(fake_worker)
    train(fake_worker)
    end = read(client, sweep)[-1].id
    client.post(f"/sweeps/{sweep}/retry").raise_for_status()
    with client.stream("GET", f"/sweeps/{sweep}/events", headers={"Last-Event-ID": str(end)}) as response:
        coming = events(response.iter_lines())
        assert next(coming).data["counts"]["queued"] == 1
        train(fake_worker)
        assert candidates(list(coming)) == [0]


def test_a_candidate_that_is_retried_as_soon_as_the_status_is_told_ends_again(
    client: Client, fake_worker: FakeWorker, sweep: int
) -> None:
    """The stream pauses at its first event while another run of the candidate ends."""
    train(fake_worker, "failed")
    train(fake_worker)
    train(fake_worker)
    end = read(client, sweep)[-1].id
    client.post(f"/sweeps/{sweep}/retry").raise_for_status()
    database = fake_worker.database

    class Feed:
        async def changes(self, number: int, **options: object) -> AsyncGenerator[SweepState]:
            for _ in range(2):
                with database.read() as connection:
                    yield sweep_reader.state(connection, sweep_reader.sweep(connection, number))

    class Threads:
        async def run(self, function: Callable[[], bytes]) -> bytes:
            return function()

    async def told() -> bytes:
        cursors.KEY.set(signing_key(database, "cursors"))
        stream = SweepStream(database, sweep, str(end)).content(Feed(), Threads())  # type: ignore[arg-type]
        first = await anext(stream)
        train(fake_worker)
        return first + b"".join([more async for more in stream])

    assert candidates(list(events(iter(anyio.run(told).decode().splitlines())))) == [0]


def test_an_invented_position_and_an_unknown_sweep_are_refused(client: Client, sweep: int) -> None:
    path = f"/sweeps/{sweep}/events"
    assert client.get(path, headers={"Last-Event-ID": "ff"}).json()["type"] == "/problems/invalid-cursor"
    assert client.get("/sweeps/99/events").json()["type"] == "/problems/unknown-sweep"
