"""Wait for the end of what the service works on, with a progress bar; a service that restarts does not end it."""

import sys
import time
from abc import ABC, abstractmethod
from typing import Any, Self, TextIO

import httpx2

from service.client.api import Api
from service.client.connection import RequestRefused

ENDED = ("succeeded", "failed", "cancelled")
BAR_WIDTH = 30
LONGEST_WAIT = 10.0
RECONNECT_SECONDS = 60.0
"""A service that does not respond for so long is given up."""
PAUSE_SECONDS = 0.5
UNAVAILABLE = (502, 503, 504)


class Awaited(ABC):
    """An experiment or a sweep. `data` is its state when it was last read; `refresh` reads it again."""

    def __init__(self, api: Api, number: int) -> None:
        self._api, self.id = api, number
        self._etag: str | None = None
        self.data: dict[str, Any] = {}
        self.refresh()

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def status(self) -> str:
        """`queued`, `running`, `succeeded`, `failed` or `cancelled`."""
        return str(self.data["status"])

    def refresh(self) -> Self:
        """Read its present state."""
        self._read_change(0)
        return self

    def wait(
        self, *, timeout: float | None = None, progress: bool = True, file: TextIO | None = None
    ) -> Self:
        """Wait until it has ended. progress: show a bar on `file`, by default standard error.

        Raises TimeoutError after `timeout` seconds. The service may restart meanwhile.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        bar = ProgressBar(file or sys.stderr) if progress else None
        reached = time.monotonic()
        while True:
            if bar:
                bar.show(self._progress(), ended=self.status in ENDED)
            if self.status in ENDED:
                return self
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self!r} after {timeout:g} s")
            try:
                self._read_change(min(left, LONGEST_WAIT))
                reached = time.monotonic()
            except (httpx2.TransportError, RequestRefused) as error:
                refused = isinstance(error, RequestRefused) and error.status not in UNAVAILABLE
                if refused or time.monotonic() > reached + RECONNECT_SECONDS:
                    raise
                time.sleep(PAUSE_SECONDS)

    def _read_change(self, wait: float) -> None:
        """Read the state once it has changed, or after `wait` seconds."""
        changed = self._changed(self._etag if wait else None, wait)
        if changed is not None:
            self.data, self._etag = changed

    @abstractmethod
    def _changed(self, etag: str | None, wait: float) -> tuple[dict[str, Any], str | None] | None:
        """The state and its ETag once it has changed; None if it has not within `wait` seconds."""

    @abstractmethod
    def _progress(self) -> tuple[int, int, str]:
        """How much is done, of how much, and in words."""


class ProgressBar:
    """A bar that is drawn over and over in one line."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._shown = file, ""

    def show(self, progress: tuple[int, int, str], *, ended: bool) -> None:
        """Draw it, if it has changed."""
        done, total, words = progress
        filled = BAR_WIDTH * done // max(1, total)
        line = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {words}"
        if line != self._shown or ended:
            self._file.write(f"\r{line.ljust(len(self._shown))}{chr(10) if ended else ''}")
            self._file.flush()
        self._shown = line
