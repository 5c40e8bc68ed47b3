"""Held runs: nobody claims them until they may go on; and runs of a sweep wait for single ones."""

from sqlalchemy import update

from service.store import queue
from service.store.tables import Run
from tests.service.store.experiments import QueueHarness


def test_a_held_run_is_not_claimed_until_it_may_go_on(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take()
    assert harness.write(queue.hold, lease)
    assert not harness.write(queue.hold, lease)
    assert not harness.has_work()
    assert harness.claim() is None
    run = harness.run(lease.run_id)
    assert (run.status, run.held, run.deaths, run.agent) == ("queued", True, 0, None)
    assert harness.experiment(id_).status == "queued"
    harness.write(queue.let_go_on, [id_], 9)
    claim = harness.claim()
    assert claim is not None
    assert (claim.lease.run_id, claim.until_epoch) == (lease.run_id, 9)


def test_only_held_runs_are_let_go_on(harness: QueueHarness) -> None:
    id_ = harness.submit([0, 1])
    held = harness.take()
    harness.write(queue.hold, held)
    harness.write(queue.let_go_on, [id_], 9)
    assert {run.seed: run.until_epoch for run in harness.runs(id_)} == {0: 9, 1: None}


def test_a_held_run_whose_cancellation_was_requested_is_cancelled(harness: QueueHarness) -> None:
    id_ = harness.submit()
    lease = harness.take()
    harness.cancel(id_)
    harness.write(queue.hold, lease)
    assert (harness.run(lease.run_id).status, harness.experiment(id_).status) == ("cancelled", "cancelled")


def test_a_retry_lets_a_held_run_train_to_its_end(harness: QueueHarness) -> None:
    id_ = harness.submit()
    harness.write(queue.hold, harness.take())
    harness.cancel(id_)
    assert harness.retry(id_) == 1
    claim = harness.claim()
    assert claim is not None
    assert claim.until_epoch is None


def test_single_runs_of_an_owner_go_before_those_of_a_sweep(harness: QueueHarness) -> None:
    sweep, single = harness.submit(owner="ada"), harness.submit(owner="ada")
    other = harness.submit(owner="bob")
    with harness.database.write() as connection:
        connection.execute(update(Run).where(Run.experiment_id == sweep).values(of_sweep=True))
    order = [claim.experiment_id for _ in range(3) if (claim := harness.claim())]
    assert order == [single, other, sweep]
