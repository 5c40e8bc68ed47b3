"""Polls of a status after a commit, beside those of other versions.

Run: python -m benchmarks.service.changed_polls [CHECKOUT ...]. Each version serves from a checkout of its own, all on
one core. The client changes the database before each request and asks the versions in turn, so that a busy machine
slows all of them down alike. The time is what the server's threads took, and the ratio is to the first checkout.
"""

import argparse
import http.client
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.service.servers import Service, serving, two_cores
from service.store.engine.sqlite_driver import driver

WARM_UP, POLLS = 20, 300
SPEC = {"dataset": "digits", "training": {"epochs": 20}, "seeds": [0, 1, 2]}
CHANGED = "UPDATE runs SET attempt = 2 + ? % 50 WHERE experiment_id = 1 AND seed = 0"
STARTED = "UPDATE experiments SET status = 'running' WHERE id = 1"
ANOTHER_CHANGED = "UPDATE experiments SET name = ? WHERE id = 2"


@dataclass(eq=False)
class Version:
    """A served checkout, its database, and the milliseconds of processor time of each poll."""

    name: str
    service: Service
    database: driver.Connection
    connection: http.client.HTTPConnection
    etag: str = ""
    milliseconds: list[float] = field(default_factory=list)

    def poll(self, status: int) -> None:
        """Poll once, and note what it took. Raises RuntimeError if the response has another status."""
        before = _processor_time(self.service.program.id)
        self.connection.request("GET", "/experiments/1", headers={"If-None-Match": self.etag})
        response = self.connection.getresponse()
        response.read()
        self.milliseconds.append((_processor_time(self.service.program.id) - before) / 1e6)
        if response.status != status:
            raise RuntimeError(f"{self.name}: {response.status} in place of {status}")
        self.etag = response.headers["ETag"]


def main() -> None:
    """Print the times of three kinds of polls for each checkout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path()])
    checkouts = [path.resolve() for path in parser.parse_args().checkouts]
    server, client = two_cores()
    with ExitStack() as stack:
        versions = [stack.enter_context(_version(path, server)) for path in checkouts]
        os.sched_setaffinity(0, {client})
        _measure("ended, changed", versions, lambda each, n: each.execute(CHANGED, (n,)), 200)
        for version in versions:
            version.database.execute(STARTED)
        _measure("running, changed", versions, lambda each, n: each.execute(CHANGED, (n,)), 200)
        _measure("another has changed", versions, lambda each, n: each.execute(ANOTHER_CHANGED, (n,)), 304)


def _measure(
    what: str, versions: Sequence[Version], change: Callable[[driver.Connection, int], object], status: int
) -> None:
    for version in versions:
        version.etag = version.service.http.get("/experiments/1").headers["etag"]
        version.milliseconds.clear()
    for number in range(WARM_UP + POLLS):
        for version in versions if number % 2 else reversed(versions):
            change(version.database, number)
            version.poll(status)
    first = median(versions[0].milliseconds[WARM_UP:])
    for version in versions:
        took = median(version.milliseconds[WARM_UP:])
        print(f"{what:20} {version.name:40} {took:6.2f} ms  {took / first:.3f}", flush=True)


@contextmanager
def _version(checkout: Path, core: int) -> Iterator[Version]:
    """Serve a checkout with two experiments that have ended."""
    with chdir(checkout), serving(workers=1, cores={core}) as service:
        for _ in range(2):
            service.finish(service.submit(SPEC))
        with (
            closing(
                driver.connect(service.folder / "holdout.db", isolation_level=None, timeout=30)
            ) as database,
            closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection,
        ):
            yield Version(checkout.name, service, database, connection)


def _processor_time(process: int) -> int:
    """The nanoseconds of processor time of all threads of a process."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


if __name__ == "__main__":
    main()
