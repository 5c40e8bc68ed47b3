"""What a lease allows, how it is released, and how it is lost."""

import pytest

from service.store.queue import Lease
from tests.service.store.experiments import LEASE_SECONDS, MAX_DEATHS, End, QueueHarness


def test_renewing_a_lease_extends_it_and_records_the_training_time(harness: QueueHarness) -> None:
    harness.submit()
    lease = harness.take()
    harness.expire(lease)
    assert harness.renew(lease, worked_seconds=12.5) is False
    run = harness.run(lease.run_id)
    assert run.lease_until > harness.clock() + LEASE_SECONDS - 10
    assert run.worked_seconds == 12.5


def test_renewing_tells_of_a_cancellation(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take()
    harness.cancel(id_)
    assert harness.renew(lease) is True


def test_a_release_counts_no_death_and_keeps_the_place_in_the_queue(harness: QueueHarness) -> None:
    first, _ = harness.submit(), harness.submit()
    lease = harness.take()
    assert harness.release(lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.deaths, run.attempt, run.agent, run.lease_until) == ("queued", 0, 1, None, None)
    assert run.finished_at is None
    assert harness.experiment(first).status == "queued"
    assert harness.take() == Lease(lease.run_id, 2)


def test_a_death_is_counted_and_the_run_goes_back_to_the_queue(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take()
    started = harness.run(lease.run_id).started_at, harness.experiment(id_).started_at
    assert harness.record_death(lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.deaths, run.cause, run.message, run.finished_at) == (
        "queued",
        1,
        None,
        None,
        None,
    )
    again = harness.take()
    assert again == Lease(lease.run_id, 2)
    assert (harness.run(lease.run_id).started_at, harness.experiment(id_).started_at) == started


@pytest.mark.parametrize(
    "end", [QueueHarness.record_death, lambda harness, lease: (harness.expire(lease), harness.claim("other"))]
)
def test_too_many_deaths_lose_a_run(harness: QueueHarness, end: End) -> None:
    id_ = harness.submit()
    for attempt in range(1, MAX_DEATHS + 1):
        run = harness.runs(id_)[0]
        lease = Lease(run.id, run.attempt) if run.status == "running" else harness.take()
        assert (run.cause, lease.attempt) == (None, attempt)
        end(harness, lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.cause, run.deaths) == ("failed", "lost", MAX_DEATHS)
    assert run.message.startswith("3 attempts ended without a word")
    assert run.finished_at <= harness.clock()
    assert harness.experiment(id_).status == "failed"
    assert harness.claim() is None


@pytest.mark.parametrize(
    "end", [QueueHarness.record_death, lambda harness, lease: (harness.expire(lease), harness.claim("other"))]
)
def test_a_last_death_after_a_cancellation_cancels_the_run_and_does_not_lose_it(
    harness: QueueHarness, end: End
) -> None:
    id_ = harness.submit()
    for _ in range(MAX_DEATHS - 1):
        harness.record_death(harness.take())
    lease = harness.take()
    harness.cancel(id_)
    end(harness, lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.deaths, run.cause, run.message) == ("cancelled", MAX_DEATHS, None, None)
    assert run.finished_at <= harness.clock()
    assert harness.experiment(id_).status == "cancelled"


@pytest.mark.parametrize("taken_by", ["other", None])
@pytest.mark.parametrize(
    "act",
    [
        QueueHarness.renew,
        QueueHarness.finish,
        QueueHarness.release,
        QueueHarness.record_death,
        lambda harness, lease: harness.finish(lease, "failed"),
    ],
)
def test_a_lost_lease_can_change_nothing(harness: QueueHarness, act: End, taken_by: str | None) -> None:
    id_ = harness.submit()
    frozen = harness.take("frozen")
    harness.expire(frozen)
    lease = harness.take("other")
    if taken_by is None:
        harness.release(lease)
    before = harness.run(frozen.run_id), harness.experiment(id_)
    assert not act(harness, frozen)
    assert (harness.run(frozen.run_id), harness.experiment(id_)) == before
