"""The deployment under test: API, agents and database server, as processes that can be killed and restarted."""

import random
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.network_proxy import NetworkProxy
from tests.service_process import ServiceProcess, processes_of_session

if TYPE_CHECKING:
    from tests.postgresql import PostgreSQL

LEASE_SECONDS = 2.0
SUPERVISOR_SECONDS = 3.0
"""A program that has ended for so long is restarted, whatever ended it, as a supervisor of services does."""
SOCKET = ".s.PGSQL.5432"
"""The file of a server's socket in its folder."""
SETTINGS: dict[str, object] = {
    "lease_seconds": LEASE_SECONDS,
    "checkpoint_seconds": 0.3,
    "artifact_bytes": 3000,  # most checkpoints and models are files, so that faults come between file and row
    "max_attempts": 100_000,  # no run may be lost here, however often its worker is killed
    "log_level": "warning",
}


@dataclass
class Member:
    """One program of a deployment.

    sessions: those of all processes that ever ran it. ended_at: when it was first seen to have ended.
    """

    name: str
    arguments: tuple[str, ...]
    program: ServiceProcess | None = None
    sessions: list[int] = field(default_factory=list)
    ended_at: float | None = None

    @property
    def port(self) -> int | None:
        """Where it serves the API; None if it is an agent alone."""
        ports = [each for each in self.arguments if each.startswith("--port=")]
        return int(ports[0].removeprefix("--port=")) if ports else None

    @property
    def serves(self) -> bool:
        return self.arguments[0] == "serve"


class Deployment:
    """An API with an embedded agent, and an agent alone. On PostgreSQL, one API and one agent more, and a server."""

    def __init__(
        self, folder: Path, url: str, server: "PostgreSQL | None", network: NetworkProxy | None = None
    ) -> None:
        self.folder, self.url, self.server, self.network = folder, url, server, network
        self.ports = [_free_port() for _ in range(2 if server else 1)]
        serving = [("serve", f"--port={port}", f"--workers={1 - i}") for i, port in enumerate(self.ports)]
        agents = [("worker", "--workers=1")] * (2 if server else 1)
        self.members = [Member(f"{a[0]}-{i}", a) for i, a in enumerate([*serving, *agents])]
        self._starting = threading.Lock()

    def start(self, member: Member) -> None:
        """Start a program unless it runs."""
        with self._starting:
            if member.program is None or member.program.process.poll() is not None:
                log = self.folder / f"{member.name}.log"
                settings = SETTINGS | {"database_url": self.url}
                member.program = ServiceProcess(*member.arguments, data_dir=self.folder, log=log, **settings)
                member.sessions.append(member.program.id)
                member.ended_at = None

    def supervise(self) -> None:
        """Restart the programs that have ended for a while: one that a fault met while it started has exited."""
        for member in [each for each in self.members if each not in self.running_members()]:
            member.ended_at = member.ended_at or time.monotonic()
            if time.monotonic() - member.ended_at > SUPERVISOR_SECONDS:
                self.start(member)

    def running(self) -> list[ServiceProcess]:
        return [m.program for m in self.running_members() if m.program]

    def running_members(self) -> list[Member]:
        return [m for m in self.members if m.program and m.program.process.poll() is None]

    def choose(self, random_: random.Random, *, serving: bool) -> Member:
        return random_.choice([member for member in self.members if member.serves == serving])

    def process_at(self, port: int) -> int | None:
        """The id of the process that serves a port; None if none does."""
        return next((m.program.id for m in self.running_members() if m.port == port and m.program), None)

    def workers(self) -> list[int]:
        """The worker processes of all programs."""
        return [worker for program in self.running() for worker in program.workers()]

    def stop(self) -> list[int]:
        """Tell every program to stop, and return their exit codes."""
        programs = self.running()
        for program in programs:
            program.signal(signal.SIGTERM)
        return [program.wait(12) for program in programs]

    def left_behind(self) -> list[int]:
        """All processes that still exist, of any program that ever ran here."""
        sessions = [id_ for member in self.members for id_ in member.sessions]
        return [process for id_ in sessions for process in processes_of_session(id_)]

    def kill(self) -> None:
        """Kill all processes."""
        for program in self.running():
            program.end()


@contextmanager
def deploy(folder: Path, kind: str) -> Iterator[Deployment]:
    """A running deployment on `sqlite` or `postgresql`; killed at the end."""
    if kind == "sqlite":
        yield from _run(Deployment(folder, f"sqlite:///{folder / 'holdout.db'}", None))
    else:
        from tests.postgresql import private_server

        with private_server(durable=True) as server:
            server.create("holdout")
            behind = Path(tempfile.mkdtemp(prefix="holdout-network-"))
            network = NetworkProxy(behind / SOCKET, server.folder / SOCKET)
            url = f"postgresql://holdout@/holdout?host={behind}"
            try:
                yield from _run(Deployment(folder, url, server, network))
            finally:
                network.close()
                shutil.rmtree(behind)


def _run(deployment: Deployment) -> Iterator[Deployment]:
    try:
        for member in deployment.members:
            deployment.start(member)
        yield deployment
    finally:
        deployment.kill()


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
