"""The queue, statement by statement."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from service.store import queue
from service.store.database import Database
from service.store.errors import QueueFull
from service.store.queue import Lease
from service.store.tables import ExperimentTag
from tests.service.store.experiments import LEASE_SECONDS, MAX_ATTEMPTS, Desk

End = Callable[[Desk, Lease], object]


def test_a_submitted_experiment_is_queued_with_a_run_for_each_seed_and_each_tag_once(desk: Desk) -> None:
    before = desk.clock()
    id_ = desk.submit([7, 2**62, 1], priority=3, owner="ada", epochs=9)
    experiment, runs = desk.experiment(id_), desk.runs(id_)
    assert (experiment.status, experiment.started_at, experiment.finished_at) == ("queued", None, None)
    assert [(run.seed, run.status, run.priority, run.owner, run.epochs) for run in runs] == [
        (seed, "queued", 3, "ada", 9) for seed in (7, 2**62, 1)
    ]
    assert before <= experiment.created_at <= runs[-1].created_at <= desk.clock()
    assert all((run.attempt, run.deaths, run.epoch) == (0, 0, 0) for run in runs)
    with desk.database.read() as connection:
        tags = connection.execute(select(ExperimentTag.tag).where(ExperimentTag.experiment_id == id_))
        assert sorted(tags.scalars()) == ["a", "b"]


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


@pytest.mark.parametrize(
    ("status", "cause", "message"),
    [("succeeded", None, None), ("failed", "diverged", "epoch 2"), ("cancelled", None, None)],
)
def test_a_finish_is_final(desk: Desk, status: str, cause: None, message: None) -> None:
    id_ = desk.submit()
    lease = desk.take()
    before = desk.clock()
    assert desk.finish(lease, status, cause=cause, message=message)
    run, experiment = desk.run(lease.run_id), desk.experiment(id_)
    assert (run.status, run.cause, run.message, run.agent, run.lease_until) == (
        status,
        cause,
        message,
        None,
        None,
    )
    assert before <= run.finished_at <= desk.clock()
    assert experiment.status == status
    assert before <= experiment.finished_at <= desk.clock()
    desk.cancel(id_)
    assert desk.run(lease.run_id) == run
    assert desk.experiment(id_) == experiment
    assert not desk.has_work()


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


def test_cancelling_ends_what_is_queued_and_asks_what_runs(desk: Desk) -> None:
    id_, bystander = desk.submit([0, 1, 2]), desk.submit()
    over, running = desk.take(), desk.take()
    desk.finish(over)
    desk.cancel(id_)
    assert [(run.status, run.cancel_requested) for run in desk.runs(id_)] == [
        ("succeeded", False),
        ("running", True),
        ("cancelled", True),
    ]
    assert [run.finished_at is None for run in desk.runs(id_)] == [False, True, False]
    assert desk.experiment(id_).status == "running"
    assert [(run.status, run.cancel_requested) for run in desk.runs(bystander)] == [("queued", False)]
    desk.finish(running, "cancelled")
    assert desk.experiment(id_).status == "cancelled"


@pytest.mark.parametrize("end", [Desk.die, lambda desk, lease: (desk.freeze(lease), desk.claim("other"))])
def test_a_run_that_dies_while_it_is_being_cancelled_is_cancelled(desk: Desk, end: End) -> None:
    id_ = desk.submit()
    lease = desk.take()
    desk.cancel(id_)
    end(desk, lease)
    run = desk.run(lease.run_id)
    assert (run.status, run.cause, run.message) == ("cancelled", None, None)
    assert run.finished_at is not None
    assert desk.experiment(id_).status == "cancelled"
    assert desk.claim() is None


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (["succeeded", "succeeded", "succeeded"], "succeeded"),
        (["succeeded", "failed", "cancelled"], "failed"),
        (["cancelled", "succeeded", "succeeded"], "cancelled"),
        (["failed", "failed", "failed"], "failed"),
    ],
)
def test_an_experiment_is_over_when_all_its_runs_are(desk: Desk, ends: list[str], status: str) -> None:
    id_ = desk.submit([0, 1, 2])
    for end, then in zip(ends, ["running", "running", status], strict=True):
        assert desk.experiment(id_).finished_at is None
        desk.finish(desk.take(), end)
        assert desk.experiment(id_).status == then
    experiment = desk.experiment(id_)
    assert (experiment.status, experiment.finished_at is None) == (status, False)


def test_a_retry_queues_what_failed_or_was_cancelled_and_keeps_the_rest(desk: Desk) -> None:
    bystander = desk.submit()
    desk.finish(desk.take(), "failed", cause="error")
    id_ = desk.submit([0, 1, 2])
    desk.finish(desk.take())
    failing = desk.take()
    desk.die(failing)
    failing = desk.take()
    desk.extend(failing, worked_seconds=99.0)
    desk.finish(failing, "failed", cause="error", message="no")
    desk.cancel(id_)
    started_at = desk.experiment(id_).started_at
    assert desk.experiment(id_).status == "failed"
    assert desk.retry(id_) == 2
    kept, *again = desk.runs(id_)
    assert kept.status == "succeeded"
    for run in again:
        assert (run.status, run.cause, run.message, run.finished_at) == ("queued", None, None, None)
        assert (run.deaths, run.worked_seconds, run.cancel_requested) == (0, 0.0, False)
    experiment = desk.experiment(id_)
    assert (experiment.status, experiment.finished_at) == ("running", None)
    assert experiment.started_at == started_at
    assert desk.take() == Lease(failing.run_id, failing.attempt + 1)
    assert desk.runs(bystander)[0].status == "failed"


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_there_is_nothing_to_retry_unless_a_run_failed_or_was_cancelled(desk: Desk, status: str) -> None:
    id_ = desk.submit()
    if status != "queued":
        lease = desk.take()
    if status == "succeeded":
        desk.finish(lease)
    before = desk.runs(id_), desk.experiment(id_)
    assert desk.retry(id_) == 0
    assert (desk.runs(id_), desk.experiment(id_)) == before


def test_agents_that_claim_at_once_never_get_the_same_run(database: Database) -> None:
    desk, agents, runs = Desk(database), 4, 40
    for owner in ("ada", "bob"):
        for _ in range(runs // 4):
            desk.submit([0, 1], owner=owner)
    together = threading.Barrier(agents)

    def work(name: str) -> list[Lease]:
        together.wait()
        taken = []
        while desk.has_work():
            if claim := desk.claim(name):
                taken.append(claim.lease)
                if len(taken) % 2:
                    desk.finish(claim.lease)
        return taken

    with ThreadPoolExecutor(agents) as pool:
        leases = [lease for taken in pool.map(work, map(str, range(agents))) for lease in taken]
    assert max(Counter(leases).values()) == 1
    assert len(leases) == runs


def test_runs_that_end_at_the_same_time_leave_the_experiment_ended(database: Database) -> None:
    desk = Desk(database)
    for _ in range(10):
        id_ = desk.submit([0, 1, 2, 3])
        leases = [desk.take() for _ in range(4)]
        together = threading.Barrier(len(leases))

        def end(lease: Lease, together: threading.Barrier = together) -> None:
            together.wait()
            desk.finish(lease)

        with ThreadPoolExecutor(len(leases)) as pool:
            list(pool.map(end, leases))
        assert desk.experiment(id_).status == "succeeded"


@pytest.fixture
def impatient(postgresql_url: str) -> Iterator[Desk]:
    """A desk on Postgres that fails where it would have to wait for a lock. On SQLite there is one writer."""
    database = Database(f"{postgresql_url}&options=-c%20lock_timeout%3D300")
    yield Desk(database)
    database.close()


def test_claims_pass_over_what_another_one_is_taking(impatient: Desk) -> None:
    first, second = impatient.submit(), impatient.submit()
    with impatient.database.write() as connection:
        taken = queue.claim(connection, agent="slow", lease_seconds=60, max_attempts=3)
        claim = impatient.claim("quick")
    assert taken is not None
    assert claim is not None
    assert (taken.experiment_id, claim.experiment_id) == (first, second)


def test_claims_pass_over_an_expired_run_that_is_being_renewed(impatient: Desk) -> None:
    impatient.submit()
    lease = impatient.take("slow")
    impatient.freeze(lease)
    with impatient.database.write() as connection:
        queue.extend(connection, lease, lease_seconds=60, worked_seconds=1.0)
        assert impatient.claim("quick") is None
    assert impatient.run(lease.run_id).agent == "slow"


@pytest.mark.parametrize("act", [Desk.cancel, Desk.retry])
def test_who_changes_all_runs_of_an_experiment_waits_until_none_is_being_changed(
    impatient: Desk, act: Callable[[Desk, int], object]
) -> None:
    id_ = impatient.submit([0, 1])
    with impatient.database.write() as connection:
        queue.claim(connection, agent="slow", lease_seconds=60, max_attempts=3)
        with pytest.raises(OperationalError, match="lock timeout"):
            act(impatient, id_)


def test_the_status_of_an_experiment_is_settled_by_one_at_a_time(impatient: Desk) -> None:
    impatient.submit([0, 1])
    first, second = impatient.take(), impatient.take()
    with impatient.database.write() as connection:
        queue.finish(connection, first, "succeeded")
        with pytest.raises(OperationalError, match="lock timeout"):
            impatient.finish(second)


def test_there_is_room_for_so_many_queued_runs_of_an_owner(desk: Desk) -> None:
    desk.submit([0, 1, 2], owner="ada")
    desk.submit([0, 1, 2], owner="bob")
    desk.take()
    with desk.database.read() as connection:
        queue.require_room(connection, "ada", 3, 5)
        with pytest.raises(QueueFull, match="ada"):
            queue.require_room(connection, "ada", 4, 5)
        queue.require_room(connection, "cy", 5, 5)
