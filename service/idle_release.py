"""Releases what was cached and is not used any more, also when no request comes that would make room."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from workers.processes import memory

PAUSE_SECONDS = 30.0


class Cache(Protocol):
    """A cache whose values are dropped if they were not used for long."""

    def drop_idle(self) -> bool:
        """Drop them. Returns whether there were any. May be called from any thread."""
        ...


async def release_repeatedly(caches: Collection[Cache], pause_seconds: float = PAUSE_SECONDS) -> None:
    """Let caches drop what is idle, and return its memory to the system, until the task is cancelled."""
    while True:
        await asyncio.sleep(pause_seconds)
        await run_in_threadpool(_release, caches)


def _release(caches: Collection[Cache]) -> None:
    dropped = [cache.drop_idle() for cache in caches]
    if any(dropped):
        memory.trim()
