"""Which run a claim takes, and whether there is one to claim."""

from service.store import claim_order
from tests.service.store.experiments import LEASE_SECONDS, SPEC, QueueHarness


def test_a_claim_takes_a_lease_and_starts_the_experiment(harness: QueueHarness) -> None:
    id_ = harness.submit([5])
    before = harness.clock()
    claim = harness.claim("one")
    assert claim is not None
    run, experiment = harness.run(claim.lease.run_id), harness.experiment(id_)
    assert (claim.experiment_id, claim.seed, claim.lease.attempt, claim.worked_seconds) == (id_, 5, 1, 0.0)
    assert claim.spec == SPEC
    assert (run.status, run.agent, run.attempt) == ("running", "one", 1)
    assert before + LEASE_SECONDS <= run.lease_until <= harness.clock() + LEASE_SECONDS
    assert before <= run.started_at <= harness.clock()
    assert experiment.status == "running"
    assert before <= experiment.started_at <= harness.clock()


def test_an_empty_queue_gives_nothing(harness: QueueHarness) -> None:
    assert harness.claim() is None
    assert not harness.has_work()


def test_priority_goes_first_then_age(harness: QueueHarness) -> None:
    low, old, young, high = (harness.submit(priority=priority) for priority in (-1, 0, 0, 5))
    order = [claim.experiment_id for _ in range(4) if (claim := harness.claim())]
    assert order == [high, old, young, low]


def test_the_owner_with_the_fewest_running_goes_first(harness: QueueHarness) -> None:
    for owner in ("ada", "ada", "ada", "bob", "bob", "cy"):
        harness.submit(owner=owner)
    owners = [harness.run(harness.take().run_id).owner for _ in range(6)]
    assert owners == ["ada", "bob", "cy", "ada", "bob", "ada"]


def test_of_owners_with_equally_many_running_the_oldest_run_goes_first(harness: QueueHarness) -> None:
    for owner in ("zoe", "ada", "mia"):
        harness.submit(owner=owner)
    assert [harness.run(harness.take().run_id).owner for _ in range(3)] == ["zoe", "ada", "mia"]


def test_an_ended_run_does_not_count_against_its_owner(harness: QueueHarness) -> None:
    harness.submit(owner="ada")
    harness.finish(harness.take())
    ada, bob = harness.submit(owner="ada"), harness.submit(owner="bob")
    assert [harness.run(harness.take().run_id).experiment_id for _ in range(2)] == [ada, bob]


def test_ended_runs_do_not_put_their_owner_first(harness: QueueHarness) -> None:
    harness.submit(owner="ada")
    harness.finish(harness.take())
    bob, ada = harness.submit(owner="bob"), harness.submit(owner="ada")
    assert [harness.run(harness.take().run_id).experiment_id for _ in range(2)] == [bob, ada]


def test_an_expired_lease_is_found_by_the_next_claim(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take("frozen")
    assert not harness.has_work()
    assert harness.claim("idle") is None
    harness.expire(lease)
    assert harness.has_work()
    again = harness.take("other")
    assert (again.run_id, again.attempt) == (lease.run_id, 2)
    run = harness.run(lease.run_id)
    assert (run.agent, run.deaths, run.status) == ("other", 1, "running")
    assert harness.experiment(id_).status == "running"


def test_only_claimable_runs_are_work(harness: QueueHarness) -> None:
    for _ in range(3):
        harness.submit()
    running, over = harness.take(), harness.take()
    harness.finish(over)
    assert harness.has_work()
    harness.take()
    assert not harness.has_work()
    harness.expire(running)
    assert harness.has_work()


def test_an_owner_at_rest_goes_first_however_many_runs_of_another_are_before_its_own(
    harness: QueueHarness,
) -> None:
    first = harness.submit(seeds=range(claim_order.FIRST_RUNS + 10), owner="ada")
    second = harness.submit(seeds=[0, 1], owner="bob")
    claimed = [harness.claim() for _ in range(4)]
    assert [claim and claim.experiment_id for claim in claimed] == [first, second, first, second]
