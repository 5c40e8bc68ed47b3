"""Sixteen dashboards that ask five times a second each, in a process of their own.

Each has one connection. Every other poll is for the status, with the tag of the last answer; the others are for the
metrics that are new, along the links of the pages. Dashboards run on other machines, and these on the two cores that
train: so they take what they need from the headers, and are there before a spell begins. All of them together take
0.018 of a core, 0.2 ms a poll; as clients of httpx2 they took 0.1.
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
LEAST_ANSWERED = 0.9
"""Of the polls: who has no answer yet asks nothing."""
NEXT = re.compile(rb'<([^>]*)>; rel="next"')


@dataclass(frozen=True)
class Spell:
    """What came of it: the answers by their status, and the processor seconds that the dashboards took."""

    answers: dict[str, int]
    processor_seconds: float


class Dashboards:
    """The process, from this side."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._heard()

    def poll(self, seconds: float, *, after_epoch: int) -> Spell:
        """Have them poll for one spell, for what comes after an epoch."""
        assert self.process.stdin is not None
        print(seconds, after_epoch, file=self.process.stdin, flush=True)
        spell = Spell(**json.loads(self._heard()))
        answered = spell.answers.get("200", 0) + spell.answers.get("304", 0)
        if answered < LEAST_ANSWERED * seconds * PER_SECOND * DASHBOARDS:
            raise RuntimeError(f"the dashboards were answered with {spell.answers}")
        return spell

    def _heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def dashboards(port: int, experiment: int) -> Iterator[Dashboards]:
    """The process, for as long as the context lasts."""
    command = python("benchmarks.service.dashboards", f"--port={port}", f"--experiment={experiment}")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Dashboards(process)
        finally:
            process.kill()


class Dashboard(Connection):
    """One connection, and what it has read."""

    def __init__(self, experiment: int, after_epoch: int) -> None:
        super().__init__()
        self.status = f"/experiments/{experiment}"
        self.metrics = f"{self.status}/metrics?after_epoch={after_epoch}"
        self.tag, self.asks_for_status, self.waits = "", False, False
        self.answers = Counter[int]()

    def ask(self) -> None:
        """The next poll, unless the last has not been answered."""
        if self.waits:
            return
        self.waits, self.asks_for_status = True, not self.asks_for_status
        path = self.status if self.asks_for_status else self.metrics
        known = f"If-None-Match: {self.tag}\r\n" if self.asks_for_status and self.tag else ""
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{known}\r\n".encode())

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"etag" and self.asks_for_status:
            self.tag = value.decode()
        elif name == b"link" and (found := NEXT.search(value)):
            self.metrics = found[1].decode()

    def on_message_complete(self) -> None:
        self.waits = False
        self.answers[self.parser.get_status_code()] += 1


async def _polled(port: int, experiment: int, seconds: float, after_epoch: int) -> Spell:
    loop, started, before = asyncio.get_running_loop(), time.monotonic(), time.process_time()
    everybody = [Dashboard(experiment, after_epoch) for _ in range(DASHBOARDS)]
    for dashboard in everybody:
        await loop.create_connection(lambda dashboard=dashboard: dashboard, "127.0.0.1", port)  # type: ignore[misc]
    for number in range(int(seconds * PER_SECOND) * DASHBOARDS):
        await asyncio.sleep(started + number / DASHBOARDS / PER_SECOND - time.monotonic())
        everybody[number % DASHBOARDS].ask()
    await asyncio.sleep(started + seconds - time.monotonic())
    answers = sum((dashboard.answers for dashboard in everybody), Counter[int]())
    for dashboard in everybody:
        dashboard.transport.close()
    return Spell({str(status): number for status, number in answers.items()}, time.process_time() - before)


def main() -> None:
    """A spell for each line that comes, which has its seconds and the epoch; then what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--experiment", type=int, required=True)
    given = parser.parse_args()
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, after_epoch = line.split()
        spell = uvloop.run(_polled(given.port, given.experiment, float(seconds), int(after_epoch)))
        print(json.dumps(vars(spell)), flush=True)


if __name__ == "__main__":
    main()
