"""Which of our processes the kernel killed for want of memory: it counts its kills, and says no more."""

import time
from collections.abc import Callable

from workers import memory

LATELY_SECONDS = 5.0
"""A kill is counted before the memory of its process is freed, and its pipe closes after that."""


class Kills:
    """The kernel's kills since this began, until each is ascribed to a process or too old for that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted = memory.kills()
        self._open = 0
        self._counted_at = 0.0

    def look(self) -> None:
        """Notice new kills, and forget those that were of processes that are not ours."""
        counted, now = memory.kills(), self._clock()
        if now - self._counted_at > LATELY_SECONDS:
            self._open = 0
        if counted > self._counted:
            self._open += counted - self._counted
            self._counted, self._counted_at = counted, now

    def ascribe(self) -> bool:
        """Whether there was a kill lately that a process which was killed just now can have died of."""
        self.look()
        if not self._open:
            return False
        self._open -= 1
        return True
