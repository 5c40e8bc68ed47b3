"""Reads of a status and of metrics with PostgreSQL beside SQLite, as a client sees them: two services take turns.

A client asks again for what it has read, in a quiet database and right after a commit to another experiment.
PostgreSQL runs on the same machine, reached by a Unix socket.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.report import Row, Skipped
from benchmarks.service.servers import Service, serving
from tests.postgresql import private_server

READS = 300
SPEC = {"dataset": "digits", "training": {"epochs": 100}}
PATHS = {"status": "/experiments/{}", "metrics of 100 epochs": "/experiments/{}/metrics"}
WARM_UP = 20
LARGEST_RATIO = 1.5


def measure() -> Iterator[Row]:
    """Median milliseconds of a read on both databases."""
    with _services() as services:
        read = [_trained(service) for service in services]
        other = [_trained(service) for service in services]

        def commit(round_: int) -> None:
            for service, id_ in zip(services, other, strict=True):
                service.http.patch(f"/experiments/{id_}", json={"name": f"{round_}"}).raise_for_status()

        for what, path in PATHS.items():
            paths = [path.format(id_) for id_ in read]
            yield _row(f"GET {what}, PostgreSQL", services, paths, lambda _: None)
            yield _row(f"GET {what} after a commit, PostgreSQL", services, paths, commit)


@contextmanager
def _services() -> Iterator[tuple[Service, Service]]:
    """One with PostgreSQL and one with SQLite."""
    try:
        with private_server(durable=True) as server:
            url = server.create("holdout")
            with serving(workers=1, database_url=url) as ours, serving(workers=1) as theirs:
                yield ours, theirs
    except LookupError as missing:
        raise Skipped(str(missing)) from None


def _trained(service: Service) -> int:
    id_ = service.submit(SPEC)
    service.finish(id_)
    return id_


def _row(
    what: str, services: tuple[Service, Service], paths: list[str], prepare: Callable[[int], None]
) -> Row:
    seconds: list[list[float]] = [[], []]
    for round_ in range(WARM_UP + READS):
        prepare(round_)
        for service, path, taken in zip(services, paths, seconds, strict=True):
            started = time.perf_counter()
            service.http.get(path).raise_for_status()
            taken.append(time.perf_counter() - started)
    ours, theirs = (median(taken[WARM_UP:]) for taken in seconds)
    shown = (f"{1e3 * ours:.2f} ms", f"{1e3 * theirs:.2f} ms")
    return Row(what, "SQLite", *shown, ours / theirs, LARGEST_RATIO, "most")
