"""Who is next, and what is left to claim."""

from service.store.queue import Lease
from tests.service.store.experiments import LEASE_SECONDS, Desk


def test_a_claim_takes_a_lease_and_starts_the_experiment(desk: Desk) -> None:
    id_ = desk.submit([5])
    before = desk.clock()
    claim = desk.claim("one")
    assert claim is not None
    run, experiment = desk.run(claim.lease.run_id), desk.experiment(id_)
    assert (claim.experiment_id, claim.seed, claim.lease.attempt, claim.worked_seconds) == (id_, 5, 1, 0.0)
    assert claim.spec == {"training": {"max_seconds": None}}
    assert (run.status, run.agent, run.attempt) == ("running", "one", 1)
    assert before + LEASE_SECONDS <= run.lease_until <= desk.clock() + LEASE_SECONDS
    assert before <= run.started_at <= desk.clock()
    assert experiment.status == "running"
    assert before <= experiment.started_at <= desk.clock()


def test_an_empty_queue_gives_nothing(desk: Desk) -> None:
    assert desk.claim() is None
    assert not desk.has_work()


def test_priority_goes_first_then_age(desk: Desk) -> None:
    low, old, young, high = (desk.submit(priority=priority) for priority in (-1, 0, 0, 5))
    order = [claim.experiment_id for _ in range(4) if (claim := desk.claim())]
    assert order == [high, old, young, low]


def test_the_owner_with_the_fewest_running_goes_first(desk: Desk) -> None:
    for owner in ("ada", "ada", "ada", "bob", "bob", "cy"):
        desk.submit(owner=owner)
    owners = [desk.run(desk.take().run_id).owner for _ in range(6)]
    assert owners == ["ada", "bob", "cy", "ada", "bob", "ada"]


def test_of_owners_with_as_many_running_the_oldest_run_goes_first(desk: Desk) -> None:
    for owner in ("zoe", "ada", "mia"):
        desk.submit(owner=owner)
    assert [desk.run(desk.take().run_id).owner for _ in range(3)] == ["zoe", "ada", "mia"]


def test_a_run_that_is_over_does_not_count_against_its_owner(desk: Desk) -> None:
    desk.submit(owner="ada")
    desk.finish(desk.take())
    ada, bob = desk.submit(owner="ada"), desk.submit(owner="bob")
    assert [desk.run(desk.take().run_id).experiment_id for _ in range(2)] == [ada, bob]


def test_of_owners_with_as_many_running_what_is_over_puts_nobody_first(desk: Desk) -> None:
    desk.submit(owner="ada")
    desk.finish(desk.take())
    bob, ada = desk.submit(owner="bob"), desk.submit(owner="ada")
    assert [desk.run(desk.take().run_id).experiment_id for _ in range(2)] == [bob, ada]


def test_an_expired_lease_is_found_by_the_next_claim(desk: Desk) -> None:
    id_ = desk.submit()
    lease = desk.take("frozen")
    assert not desk.has_work()
    assert desk.claim("idle") is None
    desk.freeze(lease)
    assert desk.has_work()
    assert desk.take("other") == Lease(lease.run_id, 2)
    run = desk.run(lease.run_id)
    assert (run.agent, run.deaths, run.status) == ("other", 1, "running")
    assert desk.experiment(id_).status == "running"


def test_only_what_is_claimable_is_work(desk: Desk) -> None:
    for _ in range(3):
        desk.submit()
    running, over = desk.take(), desk.take()
    desk.finish(over)
    assert desk.has_work()
    desk.take()
    assert not desk.has_work()
    desk.freeze(running)
    assert desk.has_work()
