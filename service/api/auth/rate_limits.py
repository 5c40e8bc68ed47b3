"""Rate limits of requests, counted in the memory of this process: each replica counts for itself."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from limits import RateLimitItem, parse

from service.settings import Settings

Purpose = Literal["reads", "writes", "refusals"]
MOST_CLIENTS = 10_000
"""The most windows of one purpose. Above this the oldest is forgotten, so that its client may begin anew."""


class TooManyRequests(Exception):
    """A token or an address sent more requests than its rate limit allows."""

    def __init__(self, purpose: Purpose, limit: RateLimitItem, seconds: int) -> None:
        super().__init__(
            f"No more than {limit.amount:,} {purpose} in {_spoken(limit)}; the next in {seconds} s."
        )
        policy = f'"{purpose}";q={limit.amount};w={limit.get_expiry()}'
        self.headers = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": policy,
            "RateLimit": f'"{purpose}";r=0;t={seconds}',
        }


@dataclass
class Window:
    """The number of requests from the first one until `ends_at`, in seconds of the monotonic clock."""

    ends_at: float
    requests: int = 0


Windows = OrderedDict[str, Window]


class RateLimiter:
    """Counts requests by purpose and client, in windows of the length that each limit names.

    Used in one event loop. The storage that `limits` has for this starts a thread a hundred times a second, which
    took half the time of a poll.
    """

    def __init__(self, settings: Settings) -> None:
        reads, writes = parse(settings.read_rate_limit), parse(settings.rate_limit)
        self._limits: dict[Purpose, RateLimitItem] = {"reads": reads, "writes": writes, "refusals": writes}
        self._windows: dict[Purpose, Windows] = {purpose: OrderedDict() for purpose in self._limits}
        """The windows of each purpose, in the order in which they began and will end."""

    def count(self, purpose: Purpose, client: str) -> None:
        """Count one request of a client, named by its token or address. Raises TooManyRequests above the limit."""
        now, limit, windows = time.monotonic(), self._limits[purpose], self._windows[purpose]
        window = windows.get(client)
        if window is None or window.ends_at <= now:
            _forget(windows, now)
            window = windows[client] = Window(now + limit.get_expiry())
        window.requests += 1
        if window.requests > limit.amount:
            raise TooManyRequests(purpose, limit, _seconds(window.ends_at - now))


def _forget(windows: Windows, now: float) -> None:
    """Forget the windows that are over, and the oldest if there are too many."""
    while windows:
        client, window = next(iter(windows.items()))
        if window.ends_at > now and len(windows) < MOST_CLIENTS:
            return
        del windows[client]


def _seconds(left: float) -> int:
    """Whole seconds, after which the window is certainly over."""
    return max(1, round(left + 0.5))


def _spoken(limit: RateLimitItem) -> str:
    name = limit.GRANULARITY.name
    if limit.multiples > 1:
        return f"{limit.multiples} {name}s"
    return f"{'an' if name == 'hour' else 'a'} {name}"
