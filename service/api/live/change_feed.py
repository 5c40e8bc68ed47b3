"""A change feed: one reader looks ten times a second whether any of the watched experiments, or sweeps, has changed.

Without any, it rests. The end of a run in this process is read at once. A thousand waiting clients cost one query at
a time, and no thread. The states are read after a commit, or for a new watcher: SQLite tells in microseconds whether
anything was committed, PostgreSQL in one statement.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection

from service.store.database import Database

log = logging.getLogger("holdout.watch")

PAUSE_SECONDS = 0.1
LARGEST_SHARE = 0.2
"""The largest share of its time that the reader spends on queries, however much is watched."""
State = TypeVar("State")


@dataclass
class Watched(Generic[State]):
    """What requests wait for. state: None if it was deleted; valid once `known`."""

    watchers: int = 0
    known: bool = False
    state: State | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def update(self, state: State | None) -> None:
        """Store the state, and wake the waiting requests if it differs."""
        if self.known and state == self.state:
            return
        self.known, self.state = True, state
        self.wake()

    def wake(self) -> None:
        """Wake the waiting requests. Those that wait from now on wait for the next change."""
        self.changed.set()
        self.changed = asyncio.Event()


class ChangeFeed(Generic[State]):
    """Made, used and closed in one event loop; only `look` and `request_stop` may be called from other threads.

    read: the states of those that exist, of some numbers.
    """

    def __init__(
        self, database: Database, read: Callable[[Connection, Collection[int]], Mapping[int, State]]
    ) -> None:
        self.database = database
        self.is_open = True
        self._states = read
        self._watched: dict[int, Watched[State]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._limiter = CapacityLimiter(1)
        self._snapshot: str | None = None
        """That of PostgreSQL before the states were read."""
        self._look_requested = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def changes(self, number: int, *, heartbeat: float | None = None) -> AsyncGenerator[State]:
        """The state of an experiment or a sweep now, and after each change, until it is deleted or the service stops.

        Changes within a tenth of a second of each other may come as one. heartbeat: after so many seconds without a
        change, the same state comes again.
        """
        watched = self._watched.setdefault(number, Watched())
        watched.watchers += 1
        self._reader = self._reader or asyncio.create_task(self._read_repeatedly())
        seen: State | None = None
        try:
            while self.is_open and not (watched.known and watched.state is None):
                if watched.state is seen and await _is_set_within(watched.changed, heartbeat):
                    continue
                seen = watched.state
                yield watched.state  # type: ignore[misc]
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                del self._watched[number]

    def look(self) -> None:
        """Read at once instead of at the next tenth of a second: a run has ended. Safe from any thread."""
        with suppress(RuntimeError):  # the loop has ended already
            self.loop.call_soon_threadsafe(self._look_requested.set)

    def request_stop(self) -> None:
        """Let all waiting requests continue. Safe from any thread, and in a signal handler."""
        self.is_open = False
        with suppress(RuntimeError):  # the loop has ended already
            self.loop.call_soon_threadsafe(self._wake_all)

    async def close(self) -> None:
        """Let all waiting requests continue, and stop the reader."""
        self.is_open = False
        self._wake_all()
        if self._reader:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    def _wake_all(self) -> None:
        for watched in self._watched.values():
            watched.wake()

    async def _read_repeatedly(self) -> None:
        """Read the states for as long as anything is watched, whenever they may have changed."""
        version: int | None = None
        while self.is_open and self._watched:
            started, before = time.monotonic(), version
            self._look_requested.clear()
            version = self.database.version()  # before the states are read: it may only be too old
            if version is None or version != before or not self._knows_all():
                version = version if await self._read_once() else None
            await self._pause(least=(time.monotonic() - started) / LARGEST_SHARE)
        self._reader = None

    def _knows_all(self) -> bool:
        """Whether every watched state was read once. Who begins to watch finds it unread."""
        return all(each.known for each in self._watched.values())

    async def _read_once(self) -> bool:
        """Read and publish the states. Returns whether that was possible."""
        ids = list(self._watched)
        try:
            found = await to_thread.run_sync(self._read, ids, self._knows_all(), limiter=self._limiter)
        except Exception as error:  # the database is away: requests see that when their time to wait is over
            log.warning("the states of what is watched could not be read: %s", type(error).__name__)
            return False
        if found is not None:
            self._publish(ids, found)
        return True

    async def _pause(self, least: float) -> None:
        await asyncio.sleep(least)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look_requested.wait(), PAUSE_SECONDS - least)

    def _read(self, ids: Collection[int], are_known: bool) -> Mapping[int, State] | None:
        """The states; None if they are known, and nothing was committed since they were read."""
        snapshot = self.database.snapshot()  # before the states, as the version
        if are_known and snapshot is not None and snapshot == self._snapshot:
            return None
        with self.database.read() as connection:
            found = self._states(connection, ids)
        self._snapshot = snapshot
        return found

    def _publish(self, ids: Collection[int], found: Mapping[int, State]) -> None:
        for number in ids:
            if number in self._watched:
                self._watched[number].update(found.get(number))


async def _is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for an event, at most for so long. Returns whether it was set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False
