"""Sixteen dashboards that poll five times a second each, in a process of their own.

Each has one connection. Every other poll reads the status, with the ETag of the last response; the others read the
new metrics by following the links of the pages. Real dashboards run on other machines, but these run on the two cores
that train. So that they cost little, they parse only headers, and connect before a period begins. Together they take
0.018 of a core, 0.2 ms per poll; with httpx2 they took 0.1.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

from benchmarks.service.load import Connection
from benchmarks.service.servers import python

DASHBOARDS, PER_SECOND = 16, 5
MIN_RESPONSES = 0.9
"""The least share of polls that must have a response: a dashboard that still waits for one skips a poll."""
NEXT = re.compile(rb'<([^>]*)>; rel="next"')


@dataclass(frozen=True)
class PollingResult:
    """The number of responses by status, and the processor seconds that the dashboards took."""

    responses: dict[str, int]
    processor_seconds: float


class Dashboards:
    """Controls the process of the dashboards."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._read_line()

    def poll(self, seconds: float, *, after_epoch: int) -> PollingResult:
        """Let them poll for metrics after an epoch. Raises RuntimeError if too many responses are missing."""
        assert self.process.stdin is not None
        print(seconds, after_epoch, file=self.process.stdin, flush=True)
        result = PollingResult(**json.loads(self._read_line()))
        received = result.responses.get("200", 0) + result.responses.get("304", 0)
        if received < MIN_RESPONSES * seconds * PER_SECOND * DASHBOARDS:
            raise RuntimeError(f"the dashboards received {result.responses}")
        return result

    def _read_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def dashboards(port: int, experiment: int) -> Iterator[Dashboards]:
    """Run the dashboards for as long as the context lasts."""
    command = python("benchmarks.service.dashboards", f"--port={port}", f"--experiment={experiment}")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Dashboards(process)
        finally:
            process.kill()


class Dashboard(Connection):
    """A dashboard with one connection."""

    def __init__(self, experiment: int, after_epoch: int) -> None:
        super().__init__()
        self.status = f"/experiments/{experiment}"
        self.metrics = f"{self.status}/metrics?after_epoch={after_epoch}"
        self.etag, self.polls_status, self.is_waiting = "", False, False
        self.responses = Counter[int]()

    def poll(self) -> None:
        """Send the next poll, unless the response to the last one is missing."""
        if self.is_waiting:
            return
        self.is_waiting, self.polls_status = True, not self.polls_status
        path = self.status if self.polls_status else self.metrics
        condition = f"If-None-Match: {self.etag}\r\n" if self.polls_status and self.etag else ""
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{condition}\r\n".encode())

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"etag" and self.polls_status:
            self.etag = value.decode()
        elif name == b"link" and (found := NEXT.search(value)):
            self.metrics = found[1].decode()

    def on_message_complete(self) -> None:
        self.is_waiting = False
        self.responses[self.parser.get_status_code()] += 1


async def _poll(port: int, experiment: int, seconds: float, after_epoch: int) -> PollingResult:
    loop, started, before = asyncio.get_running_loop(), time.monotonic(), time.process_time()
    connected = [Dashboard(experiment, after_epoch) for _ in range(DASHBOARDS)]
    for dashboard in connected:
        await loop.create_connection(lambda dashboard=dashboard: dashboard, "127.0.0.1", port)  # type: ignore[misc]
    for number in range(int(seconds * PER_SECOND) * DASHBOARDS):
        await asyncio.sleep(started + number / DASHBOARDS / PER_SECOND - time.monotonic())
        connected[number % DASHBOARDS].poll()
    await asyncio.sleep(started + seconds - time.monotonic())
    responses = sum((dashboard.responses for dashboard in connected), Counter[int]())
    for dashboard in connected:
        dashboard.transport.close()
    return PollingResult(
        {str(status): number for status, number in responses.items()}, time.process_time() - before
    )


def main() -> None:
    """For each line with seconds and an epoch, poll for so long, then print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--experiment", type=int, required=True)
    arguments = parser.parse_args()
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, after_epoch = line.split()
        result = uvloop.run(_poll(arguments.port, arguments.experiment, float(seconds), int(after_epoch)))
        print(json.dumps(vars(result)), flush=True)


if __name__ == "__main__":
    main()
