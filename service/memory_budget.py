"""The memory budget of the API process: above it, requests get 503 instead of the kernel killing the process.

Only memory that the process has allocated counts. Pages of mapped data sets do not: the kernel drops them if it must.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from workers.processes import memory

DEFAULT_SHARE = 0.5
"""The default budget, as a share of the memory of this machine or container."""
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEASURED_SECONDS = 0.05
"""How long a measurement counts."""
RELEASE_SECONDS = 5.0
"""The shortest time between two attempts to release memory."""


class OutOfMemory(Exception):
    """The request needs more memory than the service may use at the moment."""

    def __init__(self) -> None:
        super().__init__(
            "The service uses as much memory as it may (HOLDOUT_API_MEMORY_BYTES). Try again later."
        )


class MemoryBudget:
    """Admits requests while the memory of this process, and what requests have reserved, are below `limit`.

    release: drops caches. It is called before a request is refused. Thread-safe.
    """

    def __init__(
        self,
        limit: int,
        *,
        release: Callable[[], None] = lambda: None,
        measure: Callable[[], int] = memory.allocated_bytes,
    ) -> None:
        self.limit, self._release, self._measure = limit, release, measure
        self._reserved = 0
        self._used, self._measured_at, self._released_at = 0, -MEASURED_SECONDS, -RELEASE_SECONDS
        self._lock = Lock()

    def require(self, size: int = 0) -> None:
        """Raise OutOfMemory if `size` more bytes are more than the budget has left."""
        if self._fits(size):
            return
        if self._may_release():
            self._release()
            memory.trim()
            self._measured_at = -MEASURED_SECONDS
        if not self._fits(size):
            raise OutOfMemory

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Count `size` bytes as used for as long as the context lasts. Raises OutOfMemory."""
        self.require(size)
        with self._lock:
            self._reserved += size
        try:
            yield
        except MemoryError:
            raise OutOfMemory from None
        finally:
            with self._lock:
                self._reserved -= size
                self._measured_at = -MEASURED_SECONDS

    def _fits(self, size: int) -> bool:
        now = time.monotonic()
        if now - self._measured_at >= MEASURED_SECONDS:
            self._used, self._measured_at = self._measure(), now
        return self._used + self._reserved + size <= self.limit

    def _may_release(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now - self._released_at < RELEASE_SECONDS:
                return False
            self._released_at = now
            return True


def default_limit() -> int:
    """Half of the memory of this machine, or of this container if it has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    container = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.exists() else ""
    return int(DEFAULT_SHARE * (min(machine, int(container)) if container.isdecimal() else machine))
