"""Thread limiters: how many requests of each kind use threads at once, so that none of them starves another.

A writer may wait long: on SQLite for another program's write lock, on PostgreSQL for a locked row. With one limiter
for all, sixty waiting writers leave no thread for a read. `routing/thread_kinds.py` chooses the kind of each route.

reads           short queries of requests
writes          whatever changes something; beside it, only probes and monitors may open a write transaction
plans           validating specs: generating and splitting a data set takes time and memory
charts          drawing charts, which computes
models          weights, bundles and predictions, which load models and compute
importance      measuring the importance of columns, which computes for seconds: one at a time
shifts          comparing batches with validation rows, which computes for seconds and takes 300 MB
monitors        the same for monitors, which stores the result
uploads         forms, each for as long as its client takes to send it
streams         reading and formatting epochs for server-sent events: one thread, which rests half of the time
exports         reading and formatting pages of CSV and JSON lines
authentication  looking tokens up, and the version of the database, if the event loop cannot do that without waiting
probes          /ready, which waits shortly for the write lock itself

Besides, `ChangeFeed` has a thread of its own, and AnyIO's default limiter serves what Starlette runs in threads:
static files, and the chunks of a bundle that is sent.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeVar

from anyio import CapacityLimiter, Semaphore, fail_after, to_thread

from service.store.engine.lock_timeout import LOCK_TIMEOUT_SECONDS, READ_ONLY, WRITE_DEADLINE

T = TypeVar("T")
Kind = Literal[
    "reads",
    "writes",
    "plans",
    "charts",
    "models",
    "importance",
    "shifts",
    "monitors",
    "uploads",
    "streams",
    "exports",
    "authentication",
    "probes",
]

LONGEST_WAIT_SECONDS = float(LOCK_TIMEOUT_SECONDS)
"""For a thread and, in it, for the write lock together; then the response is 503."""
LONGEST_REST_SECONDS = 1.0
STANDSTILL_SECONDS = 1.0
"""If no write has ended for so long, at most `most_waiting` wait, and the others get 503.

On a busy machine, writes that nothing holds up take part of it.
"""


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
    a request may wait for the write lock, its wait for a thread included; None if it may not write. per_caller: how
    many threads one caller may use; None for all of them. share: the largest share of its time that a thread works;
    then it rests.
    """

    threads: int
    most_waiting: int | None = None
    write_seconds: float | None = None
    per_caller: int | None = None
    share: float = 1.0


LIMITS: dict[Kind, Limit] = {
    "reads": Limit(16),
    "writes": Limit(8, most_waiting=32, write_seconds=LONGEST_WAIT_SECONDS),
    "plans": Limit(4, per_caller=2),
    "charts": Limit(2),
    "models": Limit(4, per_caller=3),
    "importance": Limit(1),
    "shifts": Limit(2, per_caller=1),
    "monitors": Limit(2, write_seconds=LONGEST_WAIT_SECONDS, per_caller=1),
    "uploads": Limit(8),  # twice as many as are accepted: refusing the others takes a thread too
    "streams": Limit(1, share=0.5),
    "exports": Limit(2),
    "authentication": Limit(4),
    "probes": Limit(2, write_seconds=2.0),
}


class ThreadLimiter:
    """Runs functions in threads, a limited number at once, first come, first served. Used in one event loop."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._places = Semaphore(limit.threads, fast_acquire=True)
        self._caller_places = CallerPlaces(limit.per_caller or limit.threads)
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
        if self.limit.per_caller is None:
            return await self._run(function, until)
        async with self._caller_places.take(CALLER.get(), until):
            return await self._run(function, until)

    async def _run(self, function: Callable[[], T], until: float) -> T:
        await self._require_room()
        await self._take_place(until)
        started = time.monotonic()
        try:
            return await to_thread.run_sync(self._call, function, until, limiter=self._unlimited)
        finally:
            rest = min(LONGEST_REST_SECONDS, (time.monotonic() - started) * (1 / self.limit.share - 1))
            if rest:
                asyncio.get_running_loop().call_later(rest, self._release)
            else:
                self._release()

    def _release(self) -> None:
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
        await _acquire(self._places, until)

    async def _require_room(self) -> None:
        """Wait until fewer wait in line. Raises Standstill if none of those before this one ends."""
        most = self.limit.most_waiting
        while most is not None and self.waiting >= most:
            left = self._moved_at + STANDSTILL_SECONDS - time.monotonic()
            try:
                await asyncio.wait_for(self._ended.wait(), max(0.0, left))
            except TimeoutError:
                raise Standstill(self.waiting + self.limit.threads) from None


class CallerPlaces:
    """How many threads of one kind each caller uses. A caller that uses all of its own waits for one of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: dict[str, Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def take(self, caller: str, until: float) -> AsyncIterator[None]:
        """Hold a place of a caller for as long as the context lasts. Raises TooBusy."""
        places = self._places.setdefault(caller, Semaphore(self._most, fast_acquire=True))
        self._users[caller] += 1
        try:
            await _acquire(places, until)
            try:
                yield
            finally:
                places.release()
        finally:
            self._users[caller] -= 1
            if not self._users[caller]:
                del self._users[caller], self._places[caller]


async def _acquire(places: Semaphore, until: float) -> None:
    try:
        with fail_after(until - time.monotonic()):
            await places.acquire()
    except TimeoutError:
        raise TooBusy from None


class Limiters:
    """One limiter of each kind, for one application."""

    def __init__(self) -> None:
        self._limiters = {kind: ThreadLimiter(limit) for kind, limit in LIMITS.items()}

    def __getitem__(self, kind: Kind) -> ThreadLimiter:
        return self._limiters[kind]


CURRENT: ContextVar[ThreadLimiter] = ContextVar("thread_limiter")
"""The limiter of the current request: its endpoint runs there unless it is `async def`."""
CALLER: ContextVar[str] = ContextVar("caller", default="")
"""Whom the current request is counted as: the name of its token, or its address."""
