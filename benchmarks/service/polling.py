"""Polls of a finished experiment of 100 epochs, beside a bare FastAPI endpoint that returns the same bytes.

A poll with the tag of the last answer (304), and the whole history of metrics (200). Server and client have a core
each; the two servers are asked in turns.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx2

from benchmarks.report import Row
from benchmarks.service.load import Rate, ask
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
        with beside(service.http.get(metrics), server) as port:
            return [
                row("GET status, 304", *polled(service, status, port)),
                row(f"GET metrics of {EPOCHS} epochs", *read(service, metrics, port)),
            ]


@contextmanager
def beside(answer: httpx2.Response, core: int) -> Iterator[int]:
    """A bare endpoint that gives this answer, headers included; its port."""
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "content"
        file.write_text(json.dumps({"headers": dict(answer.headers), "content": answer.text}))
        port = free_port()
        command = python("benchmarks.service.fastapi_ceiling", f"--port={port}", file)
        stack.enter_context(running(command, f"http://127.0.0.1:{port}/content", cores={core}))
        yield port


def polled(service: Service, path: str, port: int) -> tuple[float, float]:
    """Answers of 304 a second, ours and the bare endpoint's."""
    _, client = two_cores()
    tag, ours, theirs = service.http.get(path).headers["etag"], [], []
    for _ in range(ROUNDS):
        ours.append(ask(service.port, path, seconds=SECONDS, core=client, tag=tag, status=304))
        theirs.append(ask(port, "/unchanged", seconds=SECONDS, core=client, tag=tag, status=304))
    return medians(ours, theirs)


def read(service: Service, path: str, port: int) -> tuple[float, float]:
    """The whole history a second, ours and the bare endpoint's."""
    _, client = two_cores()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(ask(service.port, path, seconds=SECONDS, core=client))
        theirs.append(ask(port, "/content", seconds=SECONDS, core=client))
    if ours[0].size != theirs[0].size:
        raise RuntimeError(f"{ours[0].size} and {theirs[0].size} bytes are not the same")
    return medians(ours, theirs)


def medians(ours: list[Rate], theirs: list[Rate]) -> tuple[float, float]:
    return median(rate.per_second for rate in ours), median(rate.per_second for rate in theirs)


def row(what: str, ours: float, theirs: float) -> Row:
    """A rate beside that of the bare endpoint."""
    return Row(what, "bare FastAPI", f"{ours:,.0f}/s", f"{theirs:,.0f}/s", ours / theirs, goal=0.6)
