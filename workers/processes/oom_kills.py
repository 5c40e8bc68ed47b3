"""Finds out which worker processes the kernel killed for lack of memory. The kernel only counts its kills."""

import math
import time
from collections.abc import Callable

from workers.processes import memory

MAX_AGE_SECONDS = 5.0
"""A kill explains a death for so long: the kernel counts it before it frees the memory of the process, and the
pipe closes after that."""
POLL_INTERVAL_SECONDS = 1.0
"""The least time between two polls: the kernel's counters are a page of text, and a pool polls when events arrive."""


class OomKills:
    """The kernel's kills since this object was made, until each is attributed to a process or is too old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted = memory.oom_kills()
        self._unattributed = 0
        self._counted_at = self._polled_at = -math.inf

    def poll(self) -> None:
        """Notice new kills, and forget old ones, which were of other programs' processes. Reads once a second."""
        if self._clock() - self._polled_at >= POLL_INTERVAL_SECONDS:
            self._read()

    def attribute(self) -> bool:
        """Attribute a recent kill to a process that was just killed; False if there was none."""
        self._read()
        if not self._unattributed:
            return False
        self._unattributed -= 1
        return True

    def _read(self) -> None:
        self._polled_at = self._clock()
        counted, now = memory.oom_kills(), self._clock()
        if now - self._counted_at > MAX_AGE_SECONDS:
            self._unattributed = 0
        if counted > self._counted:
            self._unattributed += counted - self._counted
            self._counted, self._counted_at = counted, now
