"""What a lease allows, how it is given up, and how it is lost."""

import pytest

from service.store.queue import Lease
from tests.service.store.experiments import LEASE_SECONDS, MAX_ATTEMPTS, Desk, End


def test_extending_a_lease_renews_it_and_notes_the_work(desk: Desk) -> None:
    desk.submit()
    lease = desk.take()
    desk.freeze(lease)
    assert desk.extend(lease, worked_seconds=12.5) is False
    run = desk.run(lease.run_id)
    assert run.lease_until > desk.clock() + LEASE_SECONDS - 10
    assert run.worked_seconds == 12.5


def test_extending_tells_of_a_cancellation(desk: Desk) -> None:
    id_ = desk.submit()
    lease = desk.take()
    desk.cancel(id_)
    assert desk.extend(lease) is True


def test_giving_back_counts_no_death_and_keeps_the_place(desk: Desk) -> None:
    first, _ = desk.submit(), desk.submit()
    lease = desk.take()
    assert desk.give_back(lease)
    run = desk.run(lease.run_id)
    assert (run.status, run.deaths, run.attempt, run.agent, run.lease_until) == ("queued", 0, 1, None, None)
    assert run.finished_at is None
    assert desk.experiment(first).status == "queued"
    assert desk.take() == Lease(lease.run_id, 2)


def test_a_death_is_counted_and_the_run_goes_back_to_the_queue(desk: Desk) -> None:
    id_ = desk.submit()
    lease = desk.take()
    started = desk.run(lease.run_id).started_at, desk.experiment(id_).started_at
    assert desk.die(lease)
    run = desk.run(lease.run_id)
    assert (run.status, run.deaths, run.cause, run.message, run.finished_at) == (
        "queued",
        1,
        None,
        None,
        None,
    )
    again = desk.take()
    assert again == Lease(lease.run_id, 2)
    assert (desk.run(lease.run_id).started_at, desk.experiment(id_).started_at) == started


@pytest.mark.parametrize("end", [Desk.die, lambda desk, lease: (desk.freeze(lease), desk.claim("other"))])
def test_too_many_deaths_lose_a_run(desk: Desk, end: End) -> None:
    id_ = desk.submit()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        run = desk.runs(id_)[0]
        lease = Lease(run.id, run.attempt) if run.status == "running" else desk.take()
        assert (run.cause, lease.attempt) == (None, attempt)
        end(desk, lease)
    run = desk.run(lease.run_id)
    assert (run.status, run.cause, run.deaths) == ("failed", "lost", MAX_ATTEMPTS)
    assert run.message.startswith("3 attempts ended without a word")
    assert run.finished_at <= desk.clock()
    assert desk.experiment(id_).status == "failed"
    assert desk.claim() is None


@pytest.mark.parametrize("end", [Desk.die, lambda desk, lease: (desk.freeze(lease), desk.claim("other"))])
def test_who_dies_for_the_last_time_after_a_cancellation_is_cancelled_and_not_lost(
    desk: Desk, end: End
) -> None:
    id_ = desk.submit()
    for _ in range(MAX_ATTEMPTS - 1):
        desk.die(desk.take())
    lease = desk.take()
    desk.cancel(id_)
    end(desk, lease)
    run = desk.run(lease.run_id)
    assert (run.status, run.deaths, run.cause, run.message) == ("cancelled", MAX_ATTEMPTS, None, None)
    assert run.finished_at <= desk.clock()
    assert desk.experiment(id_).status == "cancelled"


@pytest.mark.parametrize("taken_by", ["other", None])
@pytest.mark.parametrize(
    "act",
    [Desk.extend, Desk.finish, Desk.give_back, Desk.die, lambda desk, lease: desk.finish(lease, "failed")],
)
def test_who_lost_his_lease_can_change_nothing(desk: Desk, act: End, taken_by: str | None) -> None:
    id_ = desk.submit()
    frozen = desk.take("frozen")
    desk.freeze(frozen)
    lease = desk.take("other")
    if taken_by is None:
        desk.give_back(lease)
    before = desk.run(frozen.run_id), desk.experiment(id_)
    assert not act(desk, frozen)
    assert (desk.run(frozen.run_id), desk.experiment(id_)) == before
