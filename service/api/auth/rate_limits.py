"""Rate limits of requests, counted in the memory of this process: each replica counts for itself."""

import time
from dataclasses import dataclass
from typing import Literal

from limits import RateLimitItem, parse

from service.settings import Settings

Purpose = Literal["reads", "writes", "refusals"]
TIDY_SECONDS = 60.0


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


class RateLimiter:
    """Counts requests by purpose and client, in windows of the length that each limit names.

    Used in one event loop. The storage that `limits` has for this starts a thread a hundred times a second, which
    took half the time of a poll.
    """

    def __init__(self, settings: Settings) -> None:
        reads, writes = parse(settings.read_rate_limit), parse(settings.rate_limit)
        self._limits: dict[Purpose, RateLimitItem] = {"reads": reads, "writes": writes, "refusals": writes}
        self._windows: dict[tuple[Purpose, str], Window] = {}
        self._tidied_at = time.monotonic()

    def count(self, purpose: Purpose, client: str) -> None:
        """Count one request of a client, named by its token or address. Raises TooManyRequests above the limit."""
        now, limit = time.monotonic(), self._limits[purpose]
        window = self._windows.get((purpose, client))
        if window is None or window.ends_at <= now:
            self._tidy(now)
            window = self._windows[purpose, client] = Window(now + limit.get_expiry())
        window.requests += 1
        if window.requests > limit.amount:
            raise TooManyRequests(purpose, limit, _seconds(window.ends_at - now))

    def check(self, purpose: Purpose, client: str) -> None:
        """Raises TooManyRequests if the next request would be above the limit. Counts nothing."""
        window = self._windows.get((purpose, client))
        if window is None or window.requests < self._limits[purpose].amount:
            return
        if (left := window.ends_at - time.monotonic()) > 0:
            raise TooManyRequests(purpose, self._limits[purpose], _seconds(left))

    def _tidy(self, now: float) -> None:
        """Once a minute forget the windows that are over: many clients never return."""
        if now - self._tidied_at >= TIDY_SECONDS:
            self._tidied_at = now
            self._windows = {key: window for key, window in self._windows.items() if window.ends_at > now}


def _seconds(left: float) -> int:
    """Whole seconds, after which the window is certainly over."""
    return max(1, round(left + 0.5))


def _spoken(limit: RateLimitItem) -> str:
    name = limit.GRANULARITY.name
    if limit.multiples > 1:
        return f"{limit.multiples} {name}s"
    return f"{'an' if name == 'hour' else 'a'} {name}"
