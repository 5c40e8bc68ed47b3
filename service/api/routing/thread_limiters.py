"""Thread limiters: how many requests of each kind use threads at once, so that none of them starves another.

A writer may wait long: on SQLite for another program's write lock, on PostgreSQL for a locked row. With one limiter
for all, sixty waiting writers leave no thread for a read. A route that changes something takes a thread of `writes`,
any other one of `reads`; `run_on` declares an exception. What is `async def` runs in the event loop and takes none.

reads           short queries of requests, the renewal of cached responses included
writes          whatever changes something; the only kind, beside probes, that may open a write transaction
models          weights, bundles and predictions, which load models and compute
uploads         forms, each for as long as its client takes to send it
streams         reading epochs for server-sent events
exports         reading and writing out pages of CSV and JSON lines
authentication  looking tokens up, where the event loop cannot without waiting
probes          /ready, which waits shortly for the write lock itself

Besides, `Watch` has a thread of its own, and AnyIO's default limiter serves what Starlette runs in threads: static
files, and the pieces of a bundle that is sent.
"""

import asyncio
import math
import time
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeVar

from anyio import CapacityLimiter, Semaphore, fail_after, to_thread
from fastapi import Depends, params
from fastapi.dependencies.models import Dependant

from service.api.auth.authorization import needed_by
from service.store.engine.lock_timeout import LOCK_TIMEOUT_SECONDS, READ_ONLY, WRITE_DEADLINE

T = TypeVar("T")
Kind = Literal["reads", "writes", "models", "uploads", "streams", "exports", "authentication", "probes"]

LONGEST_WAIT_SECONDS = float(LOCK_TIMEOUT_SECONDS)
"""For a thread and, in it, for the write lock together; then the answer is 503."""
STANDSTILL_SECONDS = 0.25
"""After which writes that do not end stand still: then no more than `most_waiting` wait, and the others get 503."""


class TooBusy(Exception):
    """Too many requests wait for their turn, or this one has waited for too long. It was not carried out."""

    def __init__(self) -> None:
        super().__init__(
            f"The request has waited {LONGEST_WAIT_SECONDS:.0f} seconds for its turn, and was not carried out."
        )


class Standstill(TooBusy):
    """Too many wait in line, and nothing moves."""

    def __init__(self, waiting: int) -> None:
        Exception.__init__(
            self,
            f"{waiting} requests wait to write to the database already, and none has ended for a while: another "
            "program may hold its write lock. This one was not carried out; send it again later.",
        )


@dataclass(frozen=True)
class Limit:
    """threads: at once. most_waiting: while nothing moves, None is any number. write_seconds: how long one may wait
    for the write lock, its wait for a thread included; None where it may not write.
    """

    threads: int
    most_waiting: int | None = None
    write_seconds: float | None = None


LIMITS: dict[Kind, Limit] = {
    "reads": Limit(16),
    "writes": Limit(8, most_waiting=32, write_seconds=LONGEST_WAIT_SECONDS),
    "models": Limit(4),
    "uploads": Limit(8),  # twice as many as are taken: to refuse the others takes a thread too
    "streams": Limit(4),
    "exports": Limit(2),
    "authentication": Limit(4),
    "probes": Limit(2, write_seconds=2.0),
}


class ThreadLimiter:
    """Runs functions in threads, so many at once, in the order in which they came. Used in one event loop."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._places = Semaphore(limit.threads, fast_acquire=True)
        self._unlimited = CapacityLimiter(math.inf)  # what AnyIO counts by; the places are counted here
        self._ended = asyncio.Event()
        self._moved_at = 0.0

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return self._places.statistics().tasks_waiting

    async def run(self, function: Callable[[], T]) -> T:
        """What the function returns or raises. Raises TooBusy where it did not get its turn."""
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
        """In the thread, in a context of its own."""
        seconds = self.limit.write_seconds
        WRITE_DEADLINE.set(READ_ONLY if seconds is None else min(until, time.monotonic() + seconds))
        return function()

    async def _take_place(self, until: float) -> None:
        if self._places.value == self.limit.threads:
            self._moved_at = time.monotonic()  # none has been under way, so nothing stands still
        try:
            with fail_after(until - time.monotonic()):
                await self._places.acquire()
        except TimeoutError:
            raise TooBusy from None

    async def _require_room(self) -> None:
        """Wait until fewer wait in line. Raises TooBusy once those before this one stand still."""
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
"""Of the request that is answered: its endpoint runs there unless it is `async def`."""


class _Marker:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    async def __call__(self) -> None:
        """Nothing is left to do: the route has looked."""


def run_on(kind: Kind) -> params.Depends:
    """The dependency of a route that uses threads of another kind than its scope and method say."""
    dependency: params.Depends = Depends(_Marker(kind))
    return dependency


def kind_of(dependant: Dependant, methods: Collection[str]) -> Kind:
    """The threads that a route uses: those it declares, else by what it may change."""
    for each in dependant.dependencies:
        if isinstance(each.call, _Marker):
            return each.call.kind
    return "reads" if needed_by(dependant) in (None, "read") or "GET" in methods else "writes"
