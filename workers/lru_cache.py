"""A cache that is limited in size, and in time: the least recently used entries are dropped first."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Values by key, of at most `capacity` in all, as `size_of` measures them: by default each counts 1.

    One that was not used for `idle_seconds` is dropped when the cache is used again, or by `drop_idle`, however much
    room there is: so a service soon needs no more memory than its present clients make it need. May be used from any
    thread.
    """

    def __init__(
        self, capacity: int, size_of: Callable[[V], int] = lambda _: 1, idle_seconds: float = math.inf
    ) -> None:
        self.capacity, self.idle_seconds, self._size_of = capacity, idle_seconds, size_of
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()
        """With the time when each was used last, so that the first was used the longest ago."""
        self._size = 0
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        """The value of a key, which is now the most recently used; None if there is none."""
        with self._lock:
            self._drop_idle()
            if key not in self._values:
                return None
            value, _ = self._values[key]
            self._values[key] = value, time.monotonic()
            self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        """Store a value, replace the one before, and drop what was not used for longest."""
        with self._lock:
            self._drop(key)
            self._values[key] = value, time.monotonic()
            self._size += self._size_of(value)
            self._drop_idle()
            while self._size > self.capacity:
                self._drop(next(iter(self._values)))

    def remove(self, key: K) -> None:
        """Drop the value of a key, if there is one."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._values.clear()
            self._size = 0

    def drop_idle(self) -> bool:
        """Drop what was not used for `idle_seconds`. Returns whether there was anything."""
        with self._lock:
            before = len(self._values)
            self._drop_idle()
            return len(self._values) < before

    def _drop_idle(self) -> None:
        latest = time.monotonic() - self.idle_seconds
        while self._values:
            key, (_, used_at) = next(iter(self._values.items()))
            if used_at >= latest:
                return
            self._drop(key)

    def _drop(self, key: K) -> None:
        if key in self._values:
            self._size -= self._size_of(self._values.pop(key)[0])
