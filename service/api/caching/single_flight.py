"""Single flight: of equal requests at the same time, one computes the response, and the others wait for it."""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Flight:
    """The computation of one response."""

    def __init__(self) -> None:
        self._is_over = asyncio.Event()
        self._look_again = False

    async def wait(self, until: float) -> bool:
        """Wait for the end, at most until this time of the event loop.

        Returns whether to look into the cache again: the response is there, or the request that computed it was
        cancelled and another request has to compute it. Otherwise it cannot be shared, or takes too long.
        """
        try:
            async with asyncio.timeout_at(until):
                await self._is_over.wait()
        except TimeoutError:
            return False
        return self._look_again

    def end(self, *, look_again: bool) -> None:
        """Let the others go on. Only the first call counts."""
        if not self._is_over.is_set():
            self._look_again = look_again
            self._is_over.set()


class SingleFlight:
    """The flights of one event loop."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight] = {}

    def get(self, key: Hashable) -> Flight | None:
        """The flight of this key, if there is one."""
        return self._flights.get(key)

    @contextmanager
    def start(self, key: Hashable) -> Iterator[Flight]:
        """A flight that ends with the context or before. While there is one of this key, others do not see it."""
        flight = Flight()
        self._flights.setdefault(key, flight)
        try:
            yield flight
        except asyncio.CancelledError:
            flight.end(look_again=True)
            raise
        finally:
            flight.end(look_again=False)
            if self._flights.get(key) is flight:
                del self._flights[key]
