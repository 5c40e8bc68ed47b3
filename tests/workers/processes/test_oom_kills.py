"""Kills for want of memory, and whose they were."""

import pytest

from workers.processes import memory
from workers.processes.oom_kills import LATELY_SECONDS, Kills


class Kernel:
    """Counts kills, and tells the time."""

    def __init__(self) -> None:
        self.kills, self.now = 7, 100.0

    def clock(self) -> float:
        return self.now


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(memory, "kills", lambda: kernel.kills)
    return kernel


def test_kills_before_the_beginning_explain_nothing(kernel: Kernel) -> None:
    assert not Kills(kernel.clock).ascribe()


def test_each_kill_explains_one_death(kernel: Kernel) -> None:
    kills = Kills(kernel.clock)
    kernel.kills += 2
    assert [kills.ascribe() for _ in range(3)] == [True, True, False]


def test_a_kill_that_was_noticed_before_its_process_was_missed_explains_it(kernel: Kernel) -> None:
    kills = Kills(kernel.clock)
    kernel.kills += 1
    kills.look()
    kernel.now += LATELY_SECONDS - 1
    kills.look()
    assert kills.ascribe()


def test_a_kill_of_long_ago_explains_nothing(kernel: Kernel) -> None:
    kills = Kills(kernel.clock)
    kernel.kills += 1
    kills.look()
    kernel.now += LATELY_SECONDS + 1
    assert not kills.ascribe()


def test_a_kill_of_long_ago_is_not_added_to_a_new_one(kernel: Kernel) -> None:
    kills = Kills(kernel.clock)
    kernel.kills += 1
    kills.look()
    kernel.now += LATELY_SECONDS + 1
    kernel.kills += 1
    assert [kills.ascribe() for _ in range(2)] == [True, False]
