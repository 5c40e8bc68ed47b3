"""What an agent does when no process can be started: nothing that it claimed is to blame, so it waits for a while."""

import time
from dataclasses import dataclass

from service.pauses import growing_pauses
from service.temporary_errors import is_temporary
from workers.processes.failure_causes import Cause

MOST_FAILED_STARTS = 20
"""After so many in a row, over some seven minutes, a run or a job fails if it may itself be the reason."""


@dataclass(frozen=True)
class NotStarted:
    """A run ends its attempt without a worker, or a job. The agent's own final event: no worker sends it."""

    error: Exception

    @property
    def most(self) -> int | None:
        """How many such starts it has. Without a limit if every run would fail to start, as on a full disk."""
        is_of_all = is_temporary(self.error) and not isinstance(self.error, MemoryError)
        return None if is_of_all else MOST_FAILED_STARTS

    @property
    def cause(self) -> Cause:
        return "out_of_memory" if isinstance(self.error, MemoryError) else "error"

    @property
    def message(self) -> str:
        reason = f"{type(self.error).__name__}: {self.error}".rstrip(": ")
        return f"no worker could be started for it in {MOST_FAILED_STARTS} attempts; the last one: {reason}"


class StartPause:
    """The pause after a failed start. It doubles with each failure, and a start that works ends it."""

    def __init__(self) -> None:
        self._pauses, self._until = growing_pauses(), 0.0

    @property
    def lasts(self) -> bool:
        """Whether it is too early for another start."""
        return time.monotonic() < self._until

    def failed(self) -> float:
        """Begin the next pause, and return its seconds."""
        seconds = next(self._pauses)
        self._until = time.monotonic() + seconds
        return seconds

    def worked(self) -> None:
        """Begin with the shortest pause again, if ever."""
        self._pauses, self._until = growing_pauses(), 0.0
