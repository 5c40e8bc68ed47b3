"""What a lease allows, how it is released, and how it is lost."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from service.store.queue import Lease, Renewal
from service.store.tables import Experiment, Run
from tests.service.store.experiments import LEASE_SECONDS, MAX_DEATHS, End, QueueHarness


def experiment_of(harness: QueueHarness, lease: Lease) -> int:
    return int(harness.run(lease.run_id).experiment_id)


def test_renewing_a_lease_extends_it_and_records_the_training_time(harness: QueueHarness) -> None:
    harness.submit()
    lease = harness.take()
    harness.expire(lease)
    assert harness.renew(lease, worked_seconds=12.5) == Renewal(False, 1)
    run = harness.run(lease.run_id)
    assert run.lease_until > harness.clock() + LEASE_SECONDS - 10
    assert run.worked_seconds == 12.5


def test_renewing_tells_of_a_cancellation(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take()
    harness.cancel(id_)
    assert harness.renew(lease) == Renewal(True, 1)


def test_a_release_counts_no_death_and_keeps_the_place_in_the_queue(harness: QueueHarness) -> None:
    first, _ = harness.submit(), harness.submit()
    lease = harness.take()
    assert harness.release(lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.deaths, run.attempt, run.agent, run.lease_until) == ("queued", 0, 1, None, None)
    assert run.finished_at is None
    assert harness.experiment(first).status == "queued"
    again = harness.take()
    assert (again.run_id, again.attempt) == (lease.run_id, 2)


def test_a_released_run_is_cancelled_if_that_was_requested(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take()
    harness.cancel(id_)
    assert harness.release(lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.deaths, run.finished_at is None) == ("cancelled", 0, False)
    assert harness.experiment(id_).status == "cancelled"


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
    assert (again.run_id, again.attempt) == (lease.run_id, 2)
    assert (harness.run(lease.run_id).started_at, harness.experiment(id_).started_at) == started


@pytest.mark.parametrize(
    "end", [QueueHarness.record_death, lambda harness, lease: (harness.expire(lease), harness.claim("other"))]
)
def test_too_many_deaths_lose_a_run(harness: QueueHarness, end: End) -> None:
    id_ = harness.submit()
    for attempt in range(1, MAX_DEATHS + 1):
        run = harness.runs(id_)[0]
        is_taken = run.status == "running"
        lease = Lease(run.id, run.attempt, run.claim_token) if is_taken else harness.take()
        assert (run.cause, lease.attempt) == (None, attempt)
        end(harness, lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.cause, run.deaths) == ("failed", "lost", MAX_DEATHS)
    assert run.message.startswith("3 attempts ended without a word")
    assert run.finished_at <= harness.clock()
    assert harness.experiment(id_).status == "failed"
    assert harness.claim() is None


def test_an_agent_that_is_killed_costs_no_run_an_attempt_that_none_of_its_processes_had_begun(
    harness: QueueHarness,
) -> None:
    """It leases a second run for each process. Only the first one may have killed it."""
    id_ = harness.submit(seeds=[0, 1], owner="ada")
    for killed in range(1, MAX_DEATHS):
        first, ahead = harness.take("agent"), harness.claim("agent", ahead=True)
        assert ahead is not None
        harness.renew(first, begun=True)
        harness.renew(ahead.lease)
        harness.expire(first, ahead.lease)
        assert harness.claim("heir", ahead=True) is not None  # nobody's death either
        assert [run.deaths for run in harness.runs(id_)] == [killed, 0]
        harness.release(harness.leases(id_)[0])
    assert harness.experiment(id_).status == "queued"  # and not failed


def test_a_run_that_was_claimed_ahead_dies_like_any_other_once_a_process_has_begun_it(
    harness: QueueHarness,
) -> None:
    id_ = harness.submit()
    for begun, deaths in ((False, 0), (True, 1), (False, 1)):
        claim = harness.claim(ahead=True)
        assert claim is not None
        harness.renew(claim.lease, begun=begun)
        harness.renew(claim.lease)
        harness.expire(claim.lease)
        assert harness.claim("other") is not None
        assert harness.runs(id_)[0].deaths == deaths
        harness.release(harness.leases(id_)[0])


def test_a_run_that_was_claimed_ahead_is_cancelled_when_its_lease_ends(harness: QueueHarness) -> None:
    id_ = harness.submit()
    claim = harness.claim(ahead=True)
    assert claim is not None
    harness.cancel(id_)
    harness.expire(claim.lease)
    assert harness.claim("other") is None
    run = harness.run(claim.lease.run_id)
    assert (run.status, run.deaths, run.cause, run.claimed_ahead) == ("cancelled", 0, None, False)


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


@pytest.mark.parametrize(
    "act", [QueueHarness.renew, QueueHarness.finish, QueueHarness.release, QueueHarness.record_death]
)
def test_a_lease_of_another_history_can_change_nothing(harness: QueueHarness, act: End) -> None:
    """The database was restored to an older copy: another claim has the same run id and attempt, another token."""
    id_ = harness.submit()
    lease = harness.take()
    stranger = replace(lease, token="0" * 32)
    before = harness.run(lease.run_id), harness.experiment(id_)
    assert not act(harness, stranger)
    harness.forgive_deaths(stranger)
    assert (harness.run(lease.run_id), harness.experiment(id_)) == before
    assert harness.renew(lease) is not None


def test_no_two_claims_have_the_same_token(harness: QueueHarness) -> None:
    harness.submit()
    tokens = set()
    for _ in range(3):
        lease = harness.take()
        tokens.add(lease.token)
        harness.release(lease)
        assert harness.run(lease.run_id).claim_token is None
    assert len(tokens) == 3


def test_a_renewal_finds_the_renewals_that_its_agent_knows_of(harness: QueueHarness) -> None:
    harness.submit()
    lease = harness.take()
    assert harness.renew(lease) == Renewal(False, 1)
    assert harness.renew(lease, confirmed=1) == Renewal(False, 2)
    # The commit of the second one seemed to fail.
    assert harness.renew(lease, confirmed=1) == Renewal(False, 3)
    # In a copy from before the fourth one.
    before = harness.run(lease.run_id)
    assert harness.renew(lease, confirmed=4) is None
    assert harness.run(lease.run_id) == before


def test_a_new_claim_counts_its_renewals_from_zero(harness: QueueHarness) -> None:
    harness.submit()
    lease = harness.take()
    harness.renew(lease)
    harness.release(lease)
    assert harness.renew(harness.take()) == Renewal(False, 1)


def test_progress_forgives_the_deaths_before_it(harness: QueueHarness) -> None:
    id_ = harness.submit()
    for _ in range(MAX_DEATHS - 1):
        harness.record_death(harness.take())
    lease = harness.take()
    harness.forgive_deaths(lease)
    harness.record_death(lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.deaths) == ("queued", MAX_DEATHS)
    for _ in range(MAX_DEATHS - 1):
        assert harness.runs(id_)[0].status == "queued"
        harness.record_death(harness.take())
    assert harness.run(lease.run_id).cause == "lost"
    harness.retry(id_)
    run = harness.run(lease.run_id)
    assert (run.deaths, run.forgiven_deaths) == (0, 0)


def test_a_lease_that_ends_later_than_it_can_has_expired(harness: QueueHarness) -> None:
    """Its agent was killed while the clock was ahead. Without this rule, nobody could take the run for hours."""
    harness.submit()
    lease = harness.take()
    harness.expire(lease, ends_in=LEASE_SECONDS + 0.5)
    assert not harness.has_work()
    assert harness.claim("other") is None
    harness.expire(lease, ends_in=7200)
    assert harness.has_work()
    again = harness.take("other")
    assert (again.run_id, harness.run(again.run_id).deaths) == (lease.run_id, 1)


def test_a_longer_lease_of_another_agent_has_not_expired(harness: QueueHarness) -> None:
    harness.submit()
    lease = harness.take("patient", lease_seconds=10 * LEASE_SECONDS)
    assert harness.claim("hasty") is None
    assert harness.run(lease.run_id).agent == "patient"


def test_a_claim_may_leave_expired_leases_to_their_agents(harness: QueueHarness) -> None:
    harness.submit()
    lease = harness.take()
    harness.expire(lease)
    assert harness.claim("other", end_expired=False) is None
    assert harness.renew(lease) is not None
    other = harness.submit()
    claim = harness.claim("other", end_expired=False)
    assert claim is not None
    assert claim.experiment_id == other


@pytest.mark.parametrize(
    "end",
    [
        QueueHarness.finish,
        lambda harness, lease: [harness.cancel(experiment_of(harness, lease)), harness.record_death(lease)],
        lambda harness, lease: [harness.cancel(experiment_of(harness, lease)), harness.release(lease)],
        lambda harness, lease: [harness.release(lease), harness.cancel(experiment_of(harness, lease))],
    ],
)
def test_nothing_ends_before_it_started_although_the_clock_was_set_back(
    harness: QueueHarness, end: End
) -> None:
    id_ = harness.submit()
    lease = harness.take()
    ahead = harness.clock() + 3600
    with harness.database.write() as connection:
        connection.execute(update(Run).values(started_at=ahead))
        connection.execute(update(Experiment).values(started_at=ahead))
    end(harness, lease)
    run, experiment = harness.run(lease.run_id), harness.experiment(id_)
    assert run.finished_at == experiment.finished_at == ahead
