"""How often one may ask. Counted in this process's memory: with several replicas, each counts for itself."""

import time
from typing import Literal

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from service.settings import Settings

Purpose = Literal["reads", "writes", "refusals"]


class TooManyRequests(Exception):
    """One token, or one address, asked more often than it may."""

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


class Rates:
    """Counts requests by who sent them and what for, in windows of the length that each limit names."""

    def __init__(self, settings: Settings) -> None:
        self._counter = FixedWindowRateLimiter(MemoryStorage())
        reads, writes = parse(settings.read_rate_limit), parse(settings.rate_limit)
        self._limits: dict[Purpose, RateLimitItem] = {"reads": reads, "writes": writes, "refusals": writes}

    def count(self, purpose: Purpose, who: str) -> None:
        """Count one request. Raises TooManyRequests where it is one too many."""
        if not self._counter.hit(self._limits[purpose], purpose, who):
            raise self._refusal(purpose, who)

    def check(self, purpose: Purpose, who: str) -> None:
        """Count nothing. Raises TooManyRequests where the next one would be one too many."""
        if not self._counter.test(self._limits[purpose], purpose, who):
            raise self._refusal(purpose, who)

    def _refusal(self, purpose: Purpose, who: str) -> TooManyRequests:
        limit = self._limits[purpose]
        resets_at = self._counter.get_window_stats(limit, purpose, who).reset_time
        return TooManyRequests(purpose, limit, max(1, round(resets_at - time.time() + 0.5)))


def _spoken(limit: RateLimitItem) -> str:
    return (
        f"{limit.multiples} {limit.GRANULARITY.name}s"
        if limit.multiples > 1
        else f"a {limit.GRANULARITY.name}"
    )
