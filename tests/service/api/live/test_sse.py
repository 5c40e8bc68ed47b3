"""Events as they happen: each epoch once, also for who is cut off and comes back, and no stream outlives a stop."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from service.api.live import sse
from tests.service.fake_worker import CONFUSION, FakeWorker
from tests.service.live_server import Live
from tests.service_process import ForkedService

STREAMS = 100


@dataclass(frozen=True)
class Event:
    name: str
    data: dict[str, Any]
    id: str | None = None


def events(lines: Iterator[str]) -> Iterator[Event]:
    """What a browser's EventSource would hand on."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}


def read(client: Client, experiment_id: int, last: str | None = None, *, at_most: int = 1000) -> list[Event]:
    """The first events of a stream, until it ends."""
    headers = {"Last-Event-ID": last} if last else {}
    seen: list[Event] = []
    with client.stream("GET", f"/experiments/{experiment_id}/events", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        for event in events(response.iter_lines()):
            seen.append(event)
            if len(seen) == at_most:
                break
    return seen


def epochs(seen: list[Event]) -> list[tuple[int, int]]:
    return [(each.data["seed"], each.data["epoch"]) for each in seen if each.name == "epoch"]


@pytest.fixture
def finished(fake_worker: FakeWorker) -> int:
    """Two seeds that advanced unevenly."""
    experiment_id = fake_worker.submit(seeds=[5, 2], training={"epochs": 3})
    for _ in range(2):
        fake_worker.claim()
    for seed, epoch in ((5, 1), (5, 2), (2, 1), (5, 3), (2, 2), (2, 3)):
        fake_worker.epoch(experiment_id, epoch, CONFUSION, seed=seed)
    for seed in (5, 2):
        fake_worker.finish(experiment_id, "succeeded", seed=seed)
    return experiment_id


def test_a_stream_tells_status_epochs_and_end_as_they_happen(client: Client, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(training={"epochs": 2})
    with client.stream("GET", f"/experiments/{experiment_id}/events") as response:
        coming = events(response.iter_lines())
        assert next(coming).data["status"] == "queued"
        fake_worker.claim()
        assert next(coming).data["runs"][0]["status"] == "running"
        for number in (1, 2):
            fake_worker.epoch(experiment_id, number, CONFUSION)
            epoch = next(coming)
            assert (epoch.name, epoch.data["epoch"], epoch.data["seed"]) == ("epoch", number, 0)
            assert epoch.data["validation"]["accuracy"] == 185 / 200
            assert epoch.data["train"]["split"] == "train"
        fake_worker.finish(experiment_id, "succeeded")
        assert [(each.name, each.data["status"]) for each in coming] == [
            ("status", "succeeded"),
            ("summary", "succeeded"),
            ("end", "succeeded"),
        ]


def test_the_summary_of_the_end_has_the_intervals(client: Client, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    fake_worker.save_rows(experiment_id, CONFUSION)
    fake_worker.finish(experiment_id, "succeeded")
    summary = next(each.data["summary"] for each in read(client, experiment_id) if each.name == "summary")
    assert summary == fake_worker.read(experiment_id)["summary"]
    assert summary["metrics"]["accuracy"]["low"] is not None


def test_an_experiment_without_results_has_no_summary(client: Client, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.finish(experiment_id, "failed", cause="error")
    assert [each.name for each in read(client, experiment_id)] == ["status", "end"]


def test_whoever_is_cut_off_anywhere_and_comes_back_misses_nothing(client: Client, finished: int) -> None:
    whole = read(client, finished)
    assert [each.name for each in whole] == ["status", *["epoch"] * 6, "summary", "end"]
    for cut in range(1, len(whole)):
        before = read(client, finished, at_most=cut)
        last = next((each.id for each in reversed(before) if each.id), None)
        after = read(client, finished, last)
        assert sorted(epochs(before + after)) == sorted(
            (seed, epoch) for seed in (2, 5) for epoch in (1, 2, 3)
        )
        assert after[-1].name == "end"


def test_who_has_had_the_end_is_told_not_to_come_back(
    client: Client, fake_worker: FakeWorker, finished: int
) -> None:
    end = read(client, finished)[-1].id
    path = f"/experiments/{finished}/events"
    again = client.get(path, headers={"Last-Event-ID": str(end)})
    assert (again.status_code, again.content) == (204, b"")
    failed = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(failed, 1, CONFUSION)
    fake_worker.finish(failed, "failed", cause="diverged")
    end = read(client, failed)[-1].id
    client.post(f"/experiments/{failed}/retry")
    assert read(client, failed, end, at_most=1)[0].data["status"] == "queued"


def test_what_is_wrong_is_a_problem_and_no_stream(client: Client, finished: int) -> None:
    assert client.get("/experiments/99/events").json()["type"] == "/problems/unknown-experiment"
    for forged in ("x", "e30", ".end.end", "W10"):
        answer = client.get(f"/experiments/{finished}/events", headers={"Last-Event-ID": forged})
        assert answer.json()["type"] == "/problems/invalid-cursor", forged


def test_a_silent_stream_shows_that_it_is_alive(
    client: Client, fake_worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.1)
    experiment_id = fake_worker.submit()
    with client.stream("GET", f"/experiments/{experiment_id}/events") as response:
        assert response.headers["cache-control"] == "no-cache"
        lines = (line for line in response.iter_lines() if line.startswith(":"))
        assert [next(lines) for _ in range(2)] == [": ping"] * 2


def test_a_client_that_leaves_while_events_are_sent_is_no_error(
    service: Live, fake_worker: FakeWorker, caplog: pytest.LogCaptureFixture
) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    for number in range(1, 101):
        fake_worker.epoch(experiment_id, number, CONFUSION)
    path = f"/experiments/{experiment_id}/events"
    with caplog.at_level("INFO"):
        for milliseconds in range(0, 30, 2):
            stream = _open(service.client.base_url.port or 0, path)
            _received(stream)
            time.sleep(milliseconds / 1000)
            stream.close()
        _wait_for_ends(caplog, 15)
    assert [each.getMessage() for each in caplog.records if each.levelname in ("WARNING", "ERROR")] == []


def _wait_for_ends(caplog: pytest.LogCaptureFixture, streams: int) -> None:
    """Until so many streams are over."""
    deadline = time.monotonic() + 20
    while sum(getattr(each, "route", "").endswith("/events") for each in caplog.records) < streams:
        assert time.monotonic() < deadline, caplog.text
        time.sleep(0.02)


def test_a_hundred_streams_end_within_a_second_of_sigterm(tmp_path: Path) -> None:
    program = ForkedService("serve", data_dir=tmp_path, log=tmp_path / "log", workers=0, port=0)
    streams: list[socket.socket] = []
    try:
        program.wait_for("Holdout answers on")
        found = re.search(r"http://127\.0\.0\.1:(\d+)", program.log.read_text())
        assert found is not None
        port = int(found[1])
        with Client(base_url=f"http://127.0.0.1:{port}") as client:
            experiment_id = client.post("/experiments", json={"dataset": "iris"}).json()["id"]
        streams += [_open(port, f"/experiments/{experiment_id}/events") for _ in range(STREAMS)]
        assert all(b"event: status" in _received(stream) for stream in streams)
        program.signal(signal.SIGTERM)
        told = time.monotonic()
        for stream in streams:
            while stream.recv(65_536):
                pass
        assert time.monotonic() - told < 1
        assert program.wait(10) == -signal.SIGTERM
    finally:
        program.end()
        for stream in streams:
            stream.close()


def _open(port: int, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return connection


def _received(connection: socket.socket) -> bytes:
    """What has come, up to the first event."""
    received = b""
    while b"event:" not in received:
        received += connection.recv(65_536)
    return received
