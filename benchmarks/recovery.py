"""How long recovery takes: python -m benchmarks.recovery [--database sqlite|postgresql]

It runs the programs as an operator does, with their default settings, and prints each time beside its promise.
"""

import argparse
import os
import platform
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from service.settings import Settings
from service.store.database import Database
from tests.harness import Harness
from tests.service_process import ServiceProcess, all_ended
from workers.data.registry import DatasetRegistry

ENDLESS = {"dataset": "iris", "model": {"hidden": [8]}, "training": {"epochs": 100_000, "batch_size": 8}}
SHORT = ENDLESS | {"training": {"epochs": 1}}
LONG_STEPS = {
    "dataset": {"name": "synthetic", "counts": [30_000, 30_000], "features": 256},
    "model": {"hidden": [2048]},
    "training": {"epochs": 100_000, "batch_size": 40_000},
}
STREAMS = 100
PORT = 8765


class Bench:
    """An API with an embedded agent of one worker, and a harness for its database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.programs: list[ServiceProcess] = []
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=10)
        self.api = self.start("serve", f"--port={PORT}")
        self.eventually(self.is_ready)
        settings = Settings(data_dir=folder, database_url=url)
        self.harness = Harness(Database(url), DatasetRegistry(folder), settings)

    def start(self, *arguments: str) -> ServiceProcess:
        log = self.folder / f"{len(self.programs)}.log"
        program = ServiceProcess(
            *arguments, "--workers=1", data_dir=self.folder, log=log, database_url=self.url
        )
        self.programs.append(program)
        return program

    def is_ready(self) -> bool:
        try:
            return self.http.get("/ready").status_code == 200
        except httpx2.HTTPError:
            return False

    def submit(self, spec: dict[str, Any]) -> int:
        return int(self.http.post("/experiments", json=spec).raise_for_status().json()["id"])

    def cancel(self, id_: int) -> None:
        self.http.post(f"/experiments/{id_}/cancel").raise_for_status()

    def eventually(self, condition: Callable[[], object], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.002)

    def status(self, id_: int) -> str:
        return str(self.harness.run(id_).status)

    def close(self) -> None:
        for program in self.programs:
            program.end()
        self.http.close()
        self.harness.database.close()


def submitted_to_running(bench: Bench) -> float:
    """From a submission until the run is running; the median of twenty, one after another."""
    times = []
    for _ in range(20):
        started = time.monotonic()
        id_ = bench.submit(SHORT)
        bench.eventually(lambda id_=id_: bench.status(id_) != "queued")  # type: ignore[misc]
        times.append(time.monotonic() - started)
        bench.harness.wait_for_end(id_)
    return statistics.median(times)


def child_killed_to_training_again(bench: Bench) -> float:
    """From the kill of a worker until the next attempt has stored an epoch; the longest of three, of one run."""
    id_ = bench.submit(ENDLESS)
    times = []
    for attempt in (1, 2, 3):
        epoch = bench.harness.wait_for_attempt(id_, attempt).epoch
        bench.harness.wait_for_epoch(id_, epoch + 50)
        (worker,) = bench.api.workers()
        started = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        rewound = bench.harness.wait_for_attempt(id_, attempt + 1).epoch
        bench.harness.wait_for_epoch(id_, rewound + 1)
        times.append(time.monotonic() - started)
    bench.cancel(id_)
    bench.harness.wait_for_end(id_)
    return max(times)


def cancelled_to_gone(bench: Bench, spec: dict[str, Any]) -> float:
    """From a cancellation until it is stored and the worker process has ended; the longest of three."""
    return max(_cancelled_to_gone(bench, spec) for _ in range(3))


def _cancelled_to_gone(bench: Bench, spec: dict[str, Any]) -> float:
    id_ = bench.submit(spec)
    bench.eventually(bench.api.workers)
    time.sleep(2)
    workers = bench.api.workers()
    started = time.monotonic()
    bench.cancel(id_)
    bench.eventually(lambda: bench.status(id_) == "cancelled")
    if not all_ended(workers, within=10):
        raise TimeoutError
    return time.monotonic() - started


def told_to_gone(bench: Bench) -> float:
    """From SIGTERM to an API that trains, with a hundred event streams open, until its process has ended.

    Each stream has received events, and its client reads no more: no other kind of client delays a stop as much.
    """
    id_ = bench.submit(ENDLESS)
    bench.harness.wait_for_epoch(id_, 1)
    with ExitStack() as stack:
        for _ in range(STREAMS):
            stack.enter_context(open_stream(f"/experiments/{id_}/events"))
        started = time.monotonic()
        bench.api.signal(signal.SIGTERM)
        code = bench.api.wait(60)
        took = time.monotonic() - started
    released = bench.status(id_) == "queued" and not bench.harness.run(id_).deaths
    if code not in (0, -signal.SIGTERM) or not released:
        raise RuntimeError(f"the run was not released: exit code {code}, {bench.harness.run(id_)}")
    return took


def open_stream(path: str) -> socket.socket:
    """A connection on which the first event has arrived. Raises RuntimeError if none does."""
    connection = socket.create_connection(("127.0.0.1", PORT), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while b"event: " not in answer:
        more = connection.recv(4096)
        answer += more
        if not more or not answer.startswith(b"HTTP/1.1 200"[: len(answer)]):
            raise RuntimeError(f"no event stream: {answer[:200]!r}")
    return connection


def agent_killed_to_taken_over(bench: Bench) -> float:
    """From the kill of the agent that trains until a second agent has taken its run. The API was stopped before."""
    first = bench.start("worker")
    id_ = bench.harness.submit(ENDLESS | {"priority": 1})
    bench.harness.wait_for_epoch(id_, 1)
    second = bench.start("worker")
    second.wait_for("works on")
    bench.eventually(second.workers)  # it trains the run that the API released
    bench.harness.cancel(id_ - 1)
    bench.harness.wait_for_end(id_ - 1)
    started = time.monotonic()
    first.signal(signal.SIGKILL)
    bench.harness.wait_for_attempt(id_, 2)
    return time.monotonic() - started


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'holdout.db'}"
    else:
        from tests.postgresql import private_server

        with private_server(durable=True) as server:
            yield server.create("holdout")


def measure(kind: str) -> None:
    """Print every time on one database."""
    with tempfile.TemporaryDirectory(prefix="holdout-recovery-") as name, database(kind, Path(name)) as url:
        bench = Bench(Path(name), url)
        try:
            for what, promised, time_it in (
                ("submit -> running, median of 20", 0.1, submitted_to_running),
                ("worker killed -> training again, worst of 3", 1.0, child_killed_to_training_again),
                ("cancel -> gone, short steps, worst of 3", 2.0, partial(cancelled_to_gone, spec=ENDLESS)),
                (
                    "cancel -> gone, steps of seconds, worst of 3",
                    2.0,
                    partial(cancelled_to_gone, spec=LONG_STEPS),
                ),
                (f"SIGTERM -> exit, {STREAMS} event streams", 10.0, told_to_gone),
                ("agent killed -> taken over, lease 15 s", 16.0, agent_killed_to_taken_over),
            ):
                print(f"  {what:46} {time_it(bench):7.3f} s   promised {promised:g} s", flush=True)
        finally:
            bench.close()


def main() -> None:
    """Parse the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    print(f"Python {platform.python_version()} on {platform.machine()}")
    for kind in parser.parse_args().database or ["sqlite", "postgresql"]:
        print(kind, flush=True)
        measure(kind)


if __name__ == "__main__":
    main()
