"""Many event streams: they share what is read for them, each caller has a limit, and reads hardly wait for them."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from statistics import median
from threading import Event, Thread

import pytest
from httpx2 import Client

from service.api.live.event_pages import EventPages
from service.api.live.stream_places import StreamPlaces
from service.store.database import Database
from tests.service.fake_worker import CONFUSION, FakeWorker
from tests.service.live_server import Live
from tests.service_process import ForkedService

STREAMS = 200
EPOCHS = 40


class Streams:
    """Open streams of one experiment, read by a thread."""

    def __init__(self, port: int, experiment_id: int, number: int) -> None:
        request = f"GET /experiments/{experiment_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._stack, self._selector, self._stop = ExitStack(), DefaultSelector(), Event()
        self._received = {}
        for _ in range(number):
            connection = self._stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            connection.sendall(request)
            self._received[connection] = bytearray()
            self._selector.register(connection, EVENT_READ)
        self._thread = Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.1):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                self._received[connection] += connection.recv(1_000_000)

    def wait_for(self, text: bytes, seconds: float = 60) -> list[bytes]:
        """Wait until every stream has had this text. Returns what they have had."""
        deadline = time.monotonic() + seconds
        while not all(text in content for content in self._received.values()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return [bytes(content) for content in self._received.values()]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._selector.close()
        self._stack.close()


def epochs_in(content: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb'"epoch":(\d+),"train"', content)]


def test_streams_of_one_experiment_share_what_is_read(
    service: Live, client: Client, fake_worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    unspied = EventPages._page

    def spied(self: EventPages, *arguments: object) -> object:
        read.append(arguments)
        return unspied(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(EventPages, "_page", spied)
    experiment_id = fake_worker.submit()
    streams = Streams(client.base_url.port or 0, experiment_id, 50)
    try:
        streams.wait_for(b"event: status")
        fake_worker.claim()
        for number in range(1, 11):
            fake_worker.epoch(experiment_id, number, CONFUSION)
        fake_worker.finish(experiment_id, "succeeded")
        assert {tuple(epochs_in(content)) for content in streams.wait_for(b"event: end")} == {
            tuple(range(1, 11))
        }
    finally:
        streams.close()
    assert len(read) < 50  # 13 changes at most, of which many come as one, and two pages each


def test_a_caller_has_so_many_streams_at_most(service: Live, client: Client, fake_worker: FakeWorker) -> None:
    service.app.state.stream_places = StreamPlaces(2)
    path = f"/experiments/{fake_worker.submit()}/events"
    with client.stream("GET", path) as first, client.stream("GET", path) as second:
        assert [first.status_code, second.status_code] == [200, 200]
        refused = client.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.json()["type"] == "/problems/too-many-streams"
        assert client.get(path.removesuffix("/events")).status_code == 200
    deadline = time.monotonic() + 10
    while True:
        with client.stream("GET", path) as third:
            if third.status_code == 200:
                break
        assert time.monotonic() < deadline
    assert client.get("/experiments/99/events").status_code == 404  # and takes no place
    assert sum(service.app.state.stream_places._open.values()) <= 1


@pytest.fixture
def program(tmp_path: Path) -> Iterator[ForkedService]:
    settings = {"workers": 0, "port": 0, "max_streams": STREAMS}
    program = ForkedService("serve", data_dir=tmp_path, log=tmp_path / "log", **settings)
    try:
        program.wait_for("Holdout answers on")
        yield program
    finally:
        program.end()


@pytest.mark.thorough
def test_reads_hardly_wait_for_many_streams(program: ForkedService, tmp_path: Path) -> None:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", program.log.read_text())
    assert found is not None
    database = Database(f"sqlite:///{tmp_path / 'holdout.db'}")
    with Client(base_url=found[0], timeout=60) as client:
        worker = FakeWorker(client, database)
        experiment_id = worker.submit()
        worker.claim()
        quiet = _seconds_of_reads(worker, experiment_id, first=1)
        streams = Streams(int(found[1]), experiment_id, STREAMS)
        try:
            streams.wait_for(b'"epoch":%d,' % EPOCHS)
            busy = _seconds_of_reads(worker, experiment_id, first=EPOCHS + 1)
            contents = streams.wait_for(b'"epoch":%d,' % (2 * EPOCHS))
        finally:
            streams.close()
            database.close()
    assert all(epochs_in(content) == list(range(1, 2 * EPOCHS + 1)) for content in contents)
    print(  # noqa: T201
        f"\na read takes {1000 * median(quiet):.1f} ms (worst {1000 * max(quiet):.0f}); beside {STREAMS} streams "
        f"{1000 * median(busy):.1f} ms (worst {1000 * max(busy):.0f})"
    )


def _seconds_of_reads(worker: FakeWorker, experiment_id: int, *, first: int) -> list[float]:
    """How long each read takes while epochs arrive."""
    seconds = []
    for number in range(first, first + EPOCHS):
        worker.epoch(experiment_id, number, CONFUSION)
        started = time.perf_counter()
        worker.client.get(f"/experiments/{experiment_id}").raise_for_status()
        seconds.append(time.perf_counter() - started)
        time.sleep(0.02)
    return seconds
