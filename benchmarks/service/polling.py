"""Polls of a finished experiment of 100 epochs, beside the FastAPI ceiling, which returns the same bytes.

Measures conditional polls of the status (304), and reads of all metrics (200). Server and client have a core each,
and the two servers take turns.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx2

from benchmarks.report import Row
from benchmarks.service.load import Rate, measure_rate
from benchmarks.service.servers import Service, free_port, python, running, serving, two_cores

ROUNDS, SECONDS = 7, 1.0
EPOCHS = 100
SPEC = {"dataset": "digits", "training": {"epochs": EPOCHS}}


def measure() -> list[Row]:
    """The rates of both, and their ratios."""
    server, _ = two_cores()
    with serving(workers=1, cores={server}) as service:
        experiment = service.submit(SPEC)
        service.finish(experiment)
        status, metrics = f"/experiments/{experiment}", f"/experiments/{experiment}/metrics"
        with fastapi_ceiling(service.http.get(metrics), server) as port:
            return [
                row("GET status, 304", *polled(service, status, port)),
                row(f"GET metrics of {EPOCHS} epochs", *read(service, metrics, port)),
            ]


@contextmanager
def fastapi_ceiling(response: httpx2.Response, core: int) -> Iterator[int]:
    """Run an endpoint that sends this response, headers included. Yields its port."""
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "content"
        file.write_text(json.dumps({"headers": dict(response.headers), "content": response.text}))
        port = free_port()
        command = python("benchmarks.service.fastapi_ceiling", f"--port={port}", file)
        stack.enter_context(running(command, f"http://127.0.0.1:{port}/content", cores={core}))
        yield port


def polled(service: Service, path: str, port: int) -> tuple[float, float]:
    """Responses of 304 per second, ours and the ceiling's."""
    _, client = two_cores()
    etag, ours, theirs = service.http.get(path).headers["etag"], [], []
    for _ in range(ROUNDS):
        ours.append(measure_rate(service.port, path, seconds=SECONDS, core=client, etag=etag, status=304))
        theirs.append(measure_rate(port, "/unchanged", seconds=SECONDS, core=client, etag=etag, status=304))
    return medians(ours, theirs)


def read(service: Service, path: str, port: int) -> tuple[float, float]:
    """Reads of all metrics per second, ours and the ceiling's."""
    _, client = two_cores()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(measure_rate(service.port, path, seconds=SECONDS, core=client))
        theirs.append(measure_rate(port, "/content", seconds=SECONDS, core=client))
    if ours[0].size != theirs[0].size:
        raise RuntimeError(f"{ours[0].size} and {theirs[0].size} bytes are not the same")
    return medians(ours, theirs)


def medians(ours: list[Rate], theirs: list[Rate]) -> tuple[float, float]:
    """The median responses per second of both."""
    return median(rate.per_second for rate in ours), median(rate.per_second for rate in theirs)


def row(what: str, ours: float, theirs: float) -> Row:
    """A row with a rate and that of the ceiling."""
    return Row(what, "FastAPI ceiling", f"{ours:,.0f}/s", f"{theirs:,.0f}/s", ours / theirs, goal=0.6)
