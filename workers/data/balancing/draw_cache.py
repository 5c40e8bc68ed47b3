"""Keeps what small epochs draw: runs with one seed on one training part draw the same rows, whatever they train."""

from collections.abc import Callable, Hashable

from workers.data.balancing.balancing import Draw
from workers.lru_cache import LruCache

MOST_BYTES = 4_000_000
"""Of all draws together."""
SMALL_BYTES = 100_000
"""Larger draws take no longer than a few of the steps that they are for, and would soon displace each other."""


class DrawCache:
    """The last draws of one training part."""

    def __init__(self) -> None:
        self._draws: LruCache[Hashable, Draw] = LruCache(MOST_BYTES, lambda draw: draw.nbytes)

    def get(self, key: Hashable, draw: Callable[[], Draw]) -> Draw:
        """What was drawn before under `key`, which names all that the draw depends on; else draw now."""
        found = self._draws.get(key)
        if found is None:
            found = draw()
            if found.nbytes <= SMALL_BYTES:
                found.rows.flags.writeable = False
                self._draws.put(key, found)
        return found
