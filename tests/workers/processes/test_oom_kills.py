"""Which deaths the kernel's kills for lack of memory explain."""

import pytest

from workers.processes import memory
from workers.processes.oom_kills import MAX_AGE_SECONDS, OomKills


class Kernel:
    """A kernel whose counter and clock a test sets."""

    def __init__(self) -> None:
        self.kills, self.now = 7, 100.0

    def clock(self) -> float:
        return self.now


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(memory, "oom_kills", lambda: kernel.kills)
    return kernel


def test_kills_before_the_start_explain_nothing(kernel: Kernel) -> None:
    assert not OomKills(kernel.clock).attribute()


def test_each_kill_explains_one_death(kernel: Kernel) -> None:
    kills = OomKills(kernel.clock)
    kernel.kills += 2
    assert [kills.attribute() for _ in range(3)] == [True, True, False]


def test_a_kill_that_was_noticed_before_the_pipe_closed_explains_the_death(kernel: Kernel) -> None:
    kills = OomKills(kernel.clock)
    kernel.kills += 1
    kills.poll()
    kernel.now += MAX_AGE_SECONDS - 1
    kills.poll()
    assert kills.attribute()


def test_an_old_kill_explains_nothing(kernel: Kernel) -> None:
    kills = OomKills(kernel.clock)
    kernel.kills += 1
    kills.poll()
    kernel.now += MAX_AGE_SECONDS + 1
    assert not kills.attribute()


def test_an_old_kill_is_not_added_to_a_new_one(kernel: Kernel) -> None:
    kills = OomKills(kernel.clock)
    kernel.kills += 1
    kills.poll()
    kernel.now += MAX_AGE_SECONDS + 1
    kernel.kills += 1
    assert [kills.attribute() for _ in range(2)] == [True, False]
