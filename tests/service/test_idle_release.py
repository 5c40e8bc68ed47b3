import asyncio
import threading
from contextlib import suppress

import pytest

from service.idle_release import release_repeatedly
from workers.lru_cache import LruCache


def test_what_is_idle_is_dropped_without_a_request_and_its_memory_returned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trimmed = threading.Event()
    monkeypatch.setattr("service.idle_release.memory.trim", trimmed.set)
    idle: LruCache[int, str] = LruCache(9, idle_seconds=0.05)
    used: LruCache[int, str] = LruCache(9)
    used.put(1, "a")

    async def watch() -> None:
        releasing = asyncio.create_task(release_repeatedly([idle, used], pause_seconds=0.01))
        await asyncio.sleep(0.1)
        assert not trimmed.is_set(), "nothing was dropped"
        idle.put(1, "a")
        assert await asyncio.to_thread(trimmed.wait, 10)
        releasing.cancel()
        with suppress(asyncio.CancelledError):
            await releasing

    asyncio.run(watch())
    assert not idle.drop_idle()
    assert used.get(1) == "a"
