"""The site under attack: the API, agents and the database server, as processes that can be killed and restarted."""

import random
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.service_process import ServiceProcess, processes_of_session

if TYPE_CHECKING:
    from tests.postgresql import PostgreSQL

LEASE_SECONDS = 2.0
SETTINGS: dict[str, object] = {
    "lease_seconds": LEASE_SECONDS,
    "checkpoint_seconds": 0.3,
    "max_attempts": 100_000,  # none may be lost here, however often it is hit
    "log_level": "warning",
}


@dataclass
class Place:
    """One program of the site; whoever runs there now, and the sessions of all that ever did."""

    name: str
    arguments: tuple[str, ...]
    program: ServiceProcess | None = None
    sessions: list[int] = field(default_factory=list)

    @property
    def serves(self) -> bool:
        return self.arguments[0] == "serve"


class Site:
    """An API with an embedded agent and an agent alone; on Postgres, two APIs more and a server to stop."""

    def __init__(self, folder: Path, url: str, server: "PostgreSQL | None") -> None:
        self.folder, self.url, self.server = folder, url, server
        self.ports = [_free_port() for _ in range(2 if server else 1)]
        serving = [("serve", f"--port={port}", f"--workers={1 - i}") for i, port in enumerate(self.ports)]
        agents = [("worker", "--workers=1")] * (2 if server else 1)
        self.places = [Place(f"{a[0]}-{i}", a) for i, a in enumerate([*serving, *agents])]

    def start(self, place: Place) -> None:
        """Run the program of a place, if none does."""
        if place.program is None or place.program.process.poll() is not None:
            log = self.folder / f"{place.name}.log"
            settings = SETTINGS | {"database_url": self.url}
            place.program = ServiceProcess(*place.arguments, data_dir=self.folder, log=log, **settings)
            place.sessions.append(place.program.id)

    def running(self) -> list[ServiceProcess]:
        return [p.program for p in self.places if p.program and p.program.process.poll() is None]

    def a_place(self, random_: random.Random, *, serving: bool) -> Place:
        return random_.choice([place for place in self.places if place.serves == serving])

    def workers(self) -> list[int]:
        """The worker processes of all programs."""
        return [worker for program in self.running() for worker in program.workers()]

    def stop(self) -> list[int]:
        """Tell every program to stop; their exit codes."""
        programs = self.running()
        for program in programs:
            program.signal(signal.SIGTERM)
        return [program.wait(12) for program in programs]

    def left_behind(self) -> list[int]:
        """Every process of any program that ever ran here and is still there."""
        ended = [id_ for place in self.places for id_ in place.sessions]
        return [process for id_ in ended for process in processes_of_session(id_)]

    def raze(self) -> None:
        """Kill everything."""
        for program in self.running():
            program.end()


@contextmanager
def site(folder: Path, kind: str) -> Iterator[Site]:
    """A running site, on `sqlite` or `postgresql`."""
    if kind == "sqlite":
        yield from _run(Site(folder, f"sqlite:///{folder / 'holdout.db'}", None))
    else:
        from tests.postgresql import private_server

        with private_server(durable=True) as server:
            yield from _run(Site(folder, server.create("holdout"), server))


def _run(built: Site) -> Iterator[Site]:
    try:
        for place in built.places:
            built.start(place)
        yield built
    finally:
        built.raze()


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
