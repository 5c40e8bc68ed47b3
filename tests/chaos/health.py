"""Asks `/health` of every API all the time, and measures the answers of those that no fault holds up."""

import http.client
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field

PROMISED_SECONDS = 0.2
INTERVAL_SECONDS = 0.05
TIMEOUT_SECONDS = 10.0
STARTING_SECONDS = 1.0
"""After a fault of its own process, an API has so long to come to itself: it works off what waited meanwhile."""


@dataclass
class HealthProbe:
    """A thread for each port. `disturbances`: from when to when a fault held up the API of a port."""

    ports: list[int]
    answers: list[tuple[int, float, float]] = field(default_factory=list)
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
        undisturbed = [
            seconds for port, at, seconds in self.answers if not self._is_disturbed(port, at, seconds)
        ]
        return {
            "/health answers": len(undisturbed),
            "/health slowest ms": round(1000 * max(undisturbed, default=0.0)),
            "/health over 200 ms": sum(seconds > PROMISED_SECONDS for seconds in undisturbed),
        }

    def _is_disturbed(self, port: int, at: float, seconds: float) -> bool:
        return any(
            port == disturbed and at < end and at + seconds > begin
            for disturbed, begin, end in self.disturbances
        )

    def _ask(self, port: int) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            started = time.monotonic()
            try:
                with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)) as asked:
                    asked.request("GET", "/health")
                    asked.getresponse().read()
            except (OSError, http.client.HTTPException):
                continue  # the process was killed, or is starting
            self.answers.append((port, started, time.monotonic() - started))
