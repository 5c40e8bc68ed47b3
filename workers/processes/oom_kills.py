"""Which of our processes the kernel killed for want of memory: it counts its kills, and says no more."""

import math
import time
from collections.abc import Callable

from workers.processes import memory

LATELY_SECONDS = 5.0
"""A kill is counted before the memory of its process is freed, and its pipe closes after that."""
PAUSE_SECONDS = 1.0
"""Between two looks: the kernel's counters are a page of text, and there is a look for every word of a worker."""


class Kills:
    """The kernel's kills since this began, until each is ascribed to a process or too old for that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted = memory.kills()
        self._open = 0
        self._counted_at = self._looked_at = -math.inf

    def look(self) -> None:
        """Notice new kills, and forget those that were of processes that are not ours: from time to time."""
        if self._clock() - self._looked_at >= PAUSE_SECONDS:
            self._look()

    def _look(self) -> None:
        self._looked_at = self._clock()
        counted, now = memory.kills(), self._clock()
        if now - self._counted_at > LATELY_SECONDS:
            self._open = 0
        if counted > self._counted:
            self._open += counted - self._counted
            self._counted, self._counted_at = counted, now

    def ascribe(self) -> bool:
        """Whether there was a kill lately that a process which was killed just now can have died of."""
        self._look()
        if not self._open:
            return False
        self._open -= 1
        return True
