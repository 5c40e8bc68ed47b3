"""Windows of time, counted in memory: each begins with somebody's first request, and is forgotten once it is over."""

import threading
import time

import pytest

from service.api.auth import rate_limits
from service.api.auth.rate_limits import RateLimiter, TooManyRequests
from service.settings import Settings


class Clock:
    """One that is set by hand."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limits, "time", clock)
    return clock


@pytest.fixture
def counting(clock: Clock) -> RateLimiter:
    return RateLimiter(Settings(read_rate_limit="2/minute", rate_limit="1/hour"))


def test_a_window_begins_with_the_first_request_and_ends_with_its_time(
    counting: RateLimiter, clock: Clock
) -> None:
    counting.count("reads", "ada")
    clock.seconds += 59
    counting.count("reads", "ada")
    with pytest.raises(TooManyRequests) as refused:
        counting.count("reads", "ada")
    assert refused.value.headers["Retry-After"] in ("1", "2")
    clock.seconds += 1
    counting.count("reads", "ada")


def test_everybody_and_every_purpose_has_a_window_of_its_own(counting: RateLimiter) -> None:
    for who in ("ada", "bob"):
        counting.count("reads", who)
        counting.count("reads", who)
        counting.count("writes", who)
        with pytest.raises(TooManyRequests, match="No more than 1 writes in an hour"):
            counting.count("writes", who)


def test_what_is_checked_is_not_counted(counting: RateLimiter, clock: Clock) -> None:
    for _ in range(5):
        counting.check("refusals", "there")
    counting.count("refusals", "there")
    with pytest.raises(TooManyRequests) as refused:
        counting.check("refusals", "there")
    assert refused.value.headers["Retry-After"] in ("3600", "3601")
    clock.seconds += 3600
    counting.check("refusals", "there")


def test_those_who_never_come_back_are_forgotten(counting: RateLimiter, clock: Clock) -> None:
    for number in range(100):
        counting.count("reads", f"address {number}")
    clock.seconds += 61
    counting.count("reads", "ada")
    assert len(counting._windows) == 1


def test_counting_starts_no_thread() -> None:
    counting, before = RateLimiter(Settings()), threading.active_count()
    for _ in range(3):
        counting.count("reads", "ada")
        time.sleep(0.011)
        assert threading.active_count() <= before
