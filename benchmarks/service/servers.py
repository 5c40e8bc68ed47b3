"""Programs that are measured: each in a process of its own, on cores of its own, on a port that was free."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.service_process import ServiceProcess

PATIENCE_SECONDS = 120


class NoAnswerError(RuntimeError):
    """A server did not start."""


class Service:
    """`holdout serve` in a folder that is gone with it, and a client of it."""

    def __init__(self, program: ServiceProcess, url: str, folder: Path) -> None:
        self.program, self.url, self.folder = program, url, folder
        self.http = httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def submit(self, spec: dict[str, Any]) -> int:
        """The number of a new experiment."""
        return int(self.http.post("/experiments", json=spec).raise_for_status().json()["id"])

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def finish(self, id_: int) -> None:
        """Wait until an experiment is over, and has succeeded."""
        while (experiment := self.get(f"/experiments/{id_}", wait=30))["status"] in ("queued", "running"):
            pass
        if experiment["status"] != "succeeded":
            raise RuntimeError(experiment["runs"])

    def cancel(self, id_: int) -> None:
        self.http.post(f"/experiments/{id_}/cancel").raise_for_status()


@contextmanager
def serving(
    folder: Path | None = None, *, workers: int = 0, cores: Collection[int] | None = None, **settings: object
) -> Iterator[Service]:
    """A service for as long as the context lasts; nothing limits how often it may be asked."""
    with tempfile.TemporaryDirectory(prefix="holdout-bench-") as made, on_cores(cores):
        folder, port = folder or Path(made), free_port()
        unlimited = {"read_rate_limit": "999999999/second", "rate_limit": "999999999/second"}
        arguments = ("serve", f"--port={port}", f"--workers={workers}")
        log = Path(made) / "service.log"
        program = ServiceProcess(*arguments, data_dir=folder, log=log, **unlimited, **settings)
        service = Service(program, f"http://127.0.0.1:{port}", folder)
        try:
            wait_until_it_answers(f"{service.url}/ready", program.process)
            yield service
        except NoAnswerError as error:
            raise NoAnswerError(f"{error}\n{log.read_text()}") from None
        finally:
            service.http.close()
            program.end()


@contextmanager
def running(command: Sequence[str], answers: str, *, cores: Collection[int] | None = None) -> Iterator[None]:
    """Another server, for as long as the context lasts; `answers` is a URL where it does once it is ready."""
    with tempfile.TemporaryFile() as log, on_cores(cores):
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_it_answers(answers, process)
            yield
        finally:
            Ended(process).end()


class Ended(ServiceProcess):
    """A program that was started otherwise, to be ended with all that it started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process


@contextmanager
def on_cores(cores: Collection[int] | None) -> Iterator[None]:
    """What is started within the context runs on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def two_cores() -> tuple[int, int]:
    """One for who is asked, and one for who asks."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1], cores[0]


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Raises NoAnswerError where the program ends before, or does not answer in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(url, timeout=5).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise NoAnswerError(f"nothing answers at {url}")


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module with this Python."""
    return [sys.executable, "-m", module, *map(str, arguments)]
