"""Thread limiters: how many requests of each kind use threads at once, so that none of them starves another.

A writer may wait long: on SQLite for another program's write lock, on PostgreSQL for a locked row. With one limiter
for all, sixty waiting writers leave no thread for a read. `routing/thread_kinds.py` chooses the kind of each route.

reads           short queries of requests
writes          whatever changes something; the only kind, beside probes, that may open a write transaction
models          weights, bundles and predictions, which load models and compute
uploads         forms, each for as long as its client takes to send it
streams         reading epochs for server-sent events
exports         reading and formatting pages of CSV and JSON lines
authentication  looking tokens up, if the event loop cannot do that without waiting
probes          /ready, which waits shortly for the write lock itself

Besides, `ChangeFeed` has a thread of its own, and AnyIO's default limiter serves what Starlette runs in threads:
static files, and the chunks of a bundle that is sent.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeVar

from anyio import CapacityLimiter, Semaphore, fail_after, to_thread

from service.store.engine.lock_timeout import LOCK_TIMEOUT_SECONDS, READ_ONLY, WRITE_DEADLINE

T = TypeVar("T")
Kind = Literal["reads", "writes", "models", "uploads", "streams", "exports", "authentication", "probes"]

LONGEST_WAIT_SECONDS = float(LOCK_TIMEOUT_SECONDS)
"""For a thread and, in it, for the write lock together; then the response is 503."""
STANDSTILL_SECONDS = 0.25
"""If no write has ended for so long, at most `most_waiting` wait, and the others get 503."""


class TooBusy(Exception):
    """Too many requests wait for their turn, or this one has waited for too long. It was not carried out."""

    def __init__(self) -> None:
        super().__init__(
            f"The request has waited {LONGEST_WAIT_SECONDS:.0f} seconds for its turn, and was not carried out."
        )


class Standstill(TooBusy):
    """Too many requests wait in line, and none of them proceeds."""

    def __init__(self, waiting: int) -> None:
        Exception.__init__(
            self,
            f"{waiting} requests wait to write to the database already, and none has ended for a while: another "
            "program may hold its write lock. This one was not carried out; send it again later.",
        )


@dataclass(frozen=True)
class Limit:
    """The limit of one kind.

    threads: at once. most_waiting: how many may wait while nothing ends; None for any number. write_seconds: how long
    a request may wait for the write lock, its wait for a thread included; None if it may not write.
    """

    threads: int
    most_waiting: int | None = None
    write_seconds: float | None = None


LIMITS: dict[Kind, Limit] = {
    "reads": Limit(16),
    "writes": Limit(8, most_waiting=32, write_seconds=LONGEST_WAIT_SECONDS),
    "models": Limit(4),
    "uploads": Limit(8),  # twice as many as are accepted: refusing the others takes a thread too
    "streams": Limit(4),
    "exports": Limit(2),
    "authentication": Limit(4),
    "probes": Limit(2, write_seconds=2.0),
}


class ThreadLimiter:
    """Runs functions in threads, a limited number at once, first come, first served. Used in one event loop."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._places = Semaphore(limit.threads, fast_acquire=True)
        self._unlimited = CapacityLimiter(math.inf)  # AnyIO wants one; `_places` does the counting
        self._ended = asyncio.Event()
        self._moved_at = 0.0

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return self._places.statistics().tasks_waiting

    async def run(self, function: Callable[[], T]) -> T:
        """Run the function in a thread. Returns its result. Raises TooBusy if it did not get its turn."""
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        await self._require_room()
        await self._take_place(until)
        try:
            return await to_thread.run_sync(self._call, function, until, limiter=self._unlimited)
        finally:
            self._places.release()
            self._moved_at = time.monotonic()
            self._ended.set()
            self._ended = asyncio.Event()

    def _call(self, function: Callable[[], T], until: float) -> T:
        """Runs in the thread, in a context of its own."""
        seconds = self.limit.write_seconds
        WRITE_DEADLINE.set(READ_ONLY if seconds is None else min(until, time.monotonic() + seconds))
        return function()

    async def _take_place(self, until: float) -> None:
        if self._places.value == self.limit.threads:
            self._moved_at = time.monotonic()  # nothing was running, so this is no standstill
        try:
            with fail_after(until - time.monotonic()):
                await self._places.acquire()
        except TimeoutError:
            raise TooBusy from None

    async def _require_room(self) -> None:
        """Wait until fewer wait in line. Raises Standstill if none of those before this one ends."""
        most = self.limit.most_waiting
        while most is not None and self.waiting >= most:
            left = self._moved_at + STANDSTILL_SECONDS - time.monotonic()
            try:
                await asyncio.wait_for(self._ended.wait(), max(0.0, left))
            except TimeoutError:
                raise Standstill(self.waiting + self.limit.threads) from None


class Limiters:
    """One limiter of each kind, for one application."""

    def __init__(self) -> None:
        self._limiters = {kind: ThreadLimiter(limit) for kind, limit in LIMITS.items()}

    def __getitem__(self, kind: Kind) -> ThreadLimiter:
        return self._limiters[kind]


CURRENT: ContextVar[ThreadLimiter] = ContextVar("thread_limiter")
"""The limiter of the current request: its endpoint runs there unless it is `async def`."""
