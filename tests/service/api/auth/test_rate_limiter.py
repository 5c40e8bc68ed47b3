"""Windows of time, counted in memory: each begins with somebody's first request, and is forgotten once it is over."""

import threading
import time

import pytest

from service.api.auth import rate_limits
from service.api.auth.rate_limits import RateLimiter, TooManyRequests
from service.settings import Settings
from tests.manual_clock import ManualClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr(rate_limits, "time", clock)
    return clock


@pytest.fixture
def counting(clock: ManualClock) -> RateLimiter:
    return RateLimiter(Settings(read_rate_limit="2/minute", rate_limit="1/hour"))


def test_a_window_begins_with_the_first_request_and_ends_with_its_time(
    counting: RateLimiter, clock: ManualClock
) -> None:
    counting.count("reads", "ada")
    clock.time += 59
    counting.count("reads", "ada")
    with pytest.raises(TooManyRequests) as refused:
        counting.count("reads", "ada")
    assert refused.value.headers["Retry-After"] in ("1", "2")
    clock.time += 1
    counting.count("reads", "ada")


def test_everybody_and_every_purpose_has_a_window_of_its_own(counting: RateLimiter) -> None:
    for who in ("ada", "bob"):
        counting.count("reads", who)
        counting.count("reads", who)
        counting.count("writes", who)
        with pytest.raises(TooManyRequests, match="No more than 1 writes in an hour"):
            counting.count("writes", who)


def test_windows_that_are_over_are_forgotten(counting: RateLimiter, clock: ManualClock) -> None:
    for number in range(100):
        counting.count("reads", f"address {number}")
    clock.time += 61
    counting.count("reads", "ada")
    assert list(counting._windows["reads"]) == ["ada"]


def test_above_a_number_of_windows_the_oldest_is_forgotten(counting: RateLimiter) -> None:
    for number in range(3 * rate_limits.MOST_CLIENTS):
        counting.count("refusals", f"address {number}")
    assert len(counting._windows["refusals"]) == rate_limits.MOST_CLIENTS
    counting.count("refusals", "address 0")
    with pytest.raises(TooManyRequests):
        counting.count("refusals", f"address {number}")


def test_counting_starts_no_thread() -> None:
    counting, before = RateLimiter(Settings()), threading.active_count()
    for _ in range(3):
        counting.count("reads", "ada")
        time.sleep(0.011)
        assert threading.active_count() <= before
