"""The position of a run in the queue is the place in which it is claimed."""

import random
import time
from collections.abc import Callable, Sequence
from statistics import median

import pytest
from sqlalchemy import insert

from service.store import claim_order
from service.store.engine.clock import now
from service.store.tables import Run
from tests.service.store.experiments import QueueHarness

OWNERS = ("ada", "bob", "cy")


def position(harness: QueueHarness, experiment_id: int) -> int | None:
    with harness.database.read() as connection:
        return claim_order.position(connection, experiment_id)


def positions(harness: QueueHarness, experiments: Sequence[int]) -> dict[int, int]:
    """The position of every experiment that has a queued run."""
    found = {each: position(harness, each) for each in experiments}
    return {each: place for each, place in found.items() if place is not None}


def order_of_claims(harness: QueueHarness) -> list[int]:
    """Claim all queued runs, and return their experiments in order."""
    order = []
    while claim := harness.claim():
        order.append(claim.experiment_id)
    return order


def first_places(order: Sequence[int]) -> dict[int, int]:
    """The place of each experiment's first run, from 1."""
    return {each: order.index(each) + 1 for each in order}


def test_one_run_of_another_owner_does_not_wait_behind_twenty(harness: QueueHarness) -> None:
    twenty = [harness.submit(owner="ada") for _ in range(20)]
    other = harness.submit(owner="bob")
    assert position(harness, other) == 2
    assert [position(harness, each) for each in twenty[:3]] == [1, 3, 4]
    assert order_of_claims(harness)[:3] == [twenty[0], other, twenty[1]]


def test_an_owner_who_has_runs_running_waits_for_those_who_have_fewer(harness: QueueHarness) -> None:
    for _ in range(2):
        harness.submit(owner="ada")
        harness.take()
    ada, *bobs = (harness.submit(owner=owner) for owner in ("ada", "bob", "bob", "bob"))
    assert [position(harness, each) for each in (ada, *bobs)] == [3, 1, 2, 4]
    assert order_of_claims(harness) == [bobs[0], bobs[1], ada, bobs[2]]


def test_an_owners_runs_of_higher_priority_count_as_running(harness: QueueHarness) -> None:
    harness.submit(owner="ada", priority=1)
    ada, bob = harness.submit(owner="ada"), harness.submit(owner="bob")
    assert [position(harness, each) for each in (ada, bob)] == [3, 2]


def test_an_experiment_without_queued_runs_has_no_position(harness: QueueHarness) -> None:
    id_ = harness.submit()
    harness.take()
    assert position(harness, id_) is None
    assert position(harness, id_ + 1) is None


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(12))
def test_positions_are_those_of_the_claims_that_follow(harness: QueueHarness, seed: int) -> None:
    """With random owners, priorities and seeds, and some runs running, every position holds until the last claim."""
    drawn = random.Random(seed)
    experiments = []
    for _ in range(drawn.randint(5, 25)):
        owner = drawn.choice(OWNERS[: 2 + seed % 2])
        priority = drawn.choice([0, 0, 0, 1, -1])
        experiments.append(harness.submit(range(drawn.randint(1, 4)), owner=owner, priority=priority))
        if drawn.random() < 0.3:
            lease = harness.take()
            if drawn.random() < 0.5:
                drawn.choice([harness.finish, harness.release, harness.record_death])(lease)
    before = positions(harness, experiments)
    halfway = [claim.experiment_id for _ in range(len(before) // 2) if (claim := harness.claim())]
    later = positions(harness, experiments)
    rest = order_of_claims(harness)
    assert before == first_places(halfway + rest)
    assert later == first_places(rest)


def test_the_position_among_5000_runs_is_found_quickly(
    harness: QueueHarness, record_property: Callable[[str, object], None]
) -> None:
    """4,999 other runs come first. The times are shown, not asserted."""
    experiments = [harness.submit(owner=owner) for owner in OWNERS]
    rows = [
        {"experiment_id": experiments[i % 3], "seed": i, "owner": OWNERS[i % 3], "priority": i % 5}
        for i in range(1, 4997)
    ]
    with harness.database.write() as connection:
        connection.execute(insert(Run).values(epochs=1, status="queued", created_at=now()), rows)
    last = harness.submit(owner=OWNERS[0], priority=-1)
    took, place = timed(lambda: position(harness, last))
    claimed, _ = timed(lambda: harness.take())
    assert place == 5000
    figures = f"a position takes {took:.1f} ms, a claim {claimed:.1f} ms"
    record_property("shown", f"5,000 runs queued on {harness.database.url.get_backend_name()}: {figures}")


def timed(action: Callable[[], object]) -> tuple[float, object]:
    """The median of 21 runs of an action in milliseconds, and its first result."""
    first, times = None, []
    for number in range(21):
        started = time.perf_counter()
        found = action()
        times.append(1000 * (time.perf_counter() - started))
        first = found if number == 0 else first
    return median(times), first
