"""Starts the servers that are measured, each in its own process, on its own cores and on a free port."""

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

from tests.program_template import ForkedProgram
from tests.service_process import ServiceProcess

TIMEOUT_SECONDS = 120
BUSY = 503


class ServerNotStartedError(RuntimeError):
    """A server did not start in time."""


class Service:
    """A running `holdout serve`, and a client of it."""

    def __init__(self, program: ServiceProcess, url: str, folder: Path) -> None:
        self.program, self.url, self.folder = program, url, folder
        self.http = httpx2.Client(base_url=url, timeout=TIMEOUT_SECONDS)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def submit(self, spec: dict[str, Any]) -> int:
        """Submit an experiment. Returns its id."""
        return int(self.post("/experiments", json=spec)["id"])

    def post(self, path: str, **content: Any) -> Any:
        """The body of a response. While the service is busy, the request is sent again, when it asks for that."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        response = self.http.post(path, **content)
        while response.status_code == BUSY and time.monotonic() < deadline:
            time.sleep(float(response.headers.get("Retry-After", 1)))
            response = self.http.post(path, **content)
        if response.is_error:
            raise RuntimeError(f"{path}: {response.text}")
        return response.json()

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def finish(self, id_: int) -> None:
        """Wait until an experiment has ended. Raises RuntimeError unless it succeeded."""
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
    """Run a service without rate limits for as long as the context lasts, in `folder` or a temporary one."""
    with tempfile.TemporaryDirectory(prefix="holdout-bench-") as made, on_cores(cores):
        folder, port = folder or Path(made), free_port()
        unlimited = {"read_rate_limit": "999999999/second", "rate_limit": "999999999/second"}
        arguments = ("serve", f"--port={port}", f"--workers={workers}")
        log = Path(made) / "service.log"
        program = ServiceProcess(*arguments, data_dir=folder, log=log, **unlimited, **settings)
        service = Service(program, f"http://127.0.0.1:{port}", folder)
        try:
            wait_until_ready(f"{service.url}/ready", program.process)
            yield service
        except ServerNotStartedError as error:
            raise ServerNotStartedError(f"{error}\n{log.read_text()}") from None
        finally:
            service.http.close()
            program.end()


@contextmanager
def running(
    command: Sequence[str], ready_url: str, *, cores: Collection[int] | None = None
) -> Iterator[None]:
    """Run another server for as long as the context lasts. `ready_url` responds once it is ready."""
    with tempfile.TemporaryFile() as log, on_cores(cores):
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_ready(ready_url, process)
            yield
        finally:
            OtherServer(process).end()


class OtherServer(ServiceProcess):
    """A server other than Holdout, to be ended with all its child processes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process


@contextmanager
def on_cores(cores: Collection[int] | None) -> Iterator[None]:
    """Processes that are started within the context run only on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def two_cores() -> tuple[int, int]:
    """A core for the server and one for the client."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1], cores[0]


def free_port() -> int:
    """A port on which nothing listened a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until_ready(url: str, process: "subprocess.Popen[bytes] | ForkedProgram") -> None:
    """Raises ServerNotStartedError if the process ends before it is ready, or is not ready in time."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(url, timeout=5).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise ServerNotStartedError(f"nothing answers at {url}")


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module with the current Python."""
    return [sys.executable, "-m", module, *map(str, arguments)]
