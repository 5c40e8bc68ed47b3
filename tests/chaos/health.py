"""Asks `/health` of every API all the time, and measures the answers of those that no fault holds up.

An API may answer late because it is busy, or because the machine is. The scheduler of Linux counts for each thread
how long it was ready to run and had no core: an answer is late by the machine if it is in time without these seconds.
"""

import http.client
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

PROMISED_SECONDS = 0.2
INTERVAL_SECONDS = 0.05
TIMEOUT_SECONDS = 10.0
STARTING_SECONDS = 1.0
"""After a fault of its own process, an API has so long to come to itself: it works off what waited meanwhile."""


@dataclass(frozen=True)
class Answer:
    """An answer of the API at a port. at: when it was asked. without_core: how long a thread of it had no core."""

    port: int
    at: float
    seconds: float
    without_core: float

    @property
    def is_late(self) -> bool:
        return self.seconds > PROMISED_SECONDS

    @property
    def is_late_by_itself(self) -> bool:
        return self.seconds - self.without_core > PROMISED_SECONDS


@dataclass
class HealthProbe:
    """A thread for each port. process_at: the id of the process that serves a port now; None if none does.

    `disturbances`: from when to when a fault held up the API of a port.
    """

    ports: list[int]
    process_at: Callable[[int], int | None]
    answers: list[Answer] = field(default_factory=list)
    disturbances: list[tuple[int, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(port,), daemon=True) for port in self.ports]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def disturb(self, port: int | None, seconds: float) -> None:
        """Say that a fault holds up the API of this port, from now on for so long. None: no API."""
        if port is not None:
            now = time.monotonic()
            self.disturbances.append((port, now, now + seconds + STARTING_SECONDS))

    def figures(self) -> dict[str, int]:
        """How many answers there were, the slowest in milliseconds, and how many were slower than is promised."""
        undisturbed = [answer for answer in self.answers if not self._is_disturbed(answer)]
        return {
            "/health answers": len(undisturbed),
            "/health slowest ms": round(1000 * max((each.seconds for each in undisturbed), default=0.0)),
            "/health over 200 ms": sum(each.is_late for each in undisturbed),
            "... with a free core": sum(each.is_late_by_itself for each in undisturbed),
        }

    def _is_disturbed(self, answer: Answer) -> bool:
        return any(
            answer.port == disturbed and answer.at < end and answer.at + answer.seconds > begin
            for disturbed, begin, end in self.disturbances
        )

    def _ask(self, port: int) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            process = self.process_at(port)
            before = {} if process is None else seconds_without_core(process)
            started = time.monotonic()
            try:
                with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)) as asked:
                    asked.request("GET", "/health")
                    asked.getresponse().read()
            except (OSError, http.client.HTTPException):
                continue  # the process was killed, or is starting
            seconds = time.monotonic() - started
            after = {} if process is None else seconds_without_core(process)
            waited = [after[thread] - before[thread] for thread in after.keys() & before.keys()]
            self.answers.append(Answer(port, started, seconds, max(waited, default=0.0)))


def seconds_without_core(process: int) -> dict[str, float]:
    """How long each thread of a process has waited for a core; empty if the kernel does not count that."""
    found: dict[str, float] = {}
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError, IndexError):
                found[task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return found
