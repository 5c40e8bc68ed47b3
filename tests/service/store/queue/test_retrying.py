"""Which runs a retry queues again."""

import pytest

from service.store.run_keys import RunFilter
from tests.service.store.experiments import QueueHarness


def test_a_retry_queues_failed_and_cancelled_runs_and_leaves_the_others(harness: QueueHarness) -> None:
    bystander = harness.submit()
    harness.finish(harness.take(), "failed", cause="error")
    id_ = harness.submit([0, 1, 2])
    harness.finish(harness.take())
    failing = harness.take()
    harness.record_death(failing)
    failing = harness.take()
    harness.renew(failing, worked_seconds=99.0)
    harness.finish(failing, "failed", cause="error", message="no")
    harness.cancel(id_)
    started_at = harness.experiment(id_).started_at
    assert harness.experiment(id_).status == "failed"
    assert harness.retry(id_) == 2
    succeeded, *again = harness.runs(id_)
    assert succeeded.status == "succeeded"
    for run in again:
        assert (run.status, run.cause, run.message, run.finished_at) == ("queued", None, None, None)
        assert (run.deaths, run.worked_seconds, run.cancel_requested) == (0, 0.0, False)
    experiment = harness.experiment(id_)
    assert (experiment.status, experiment.finished_at) == ("running", None)
    assert experiment.started_at == started_at
    again_taken = harness.take()
    assert (again_taken.run_id, again_taken.attempt) == (failing.run_id, failing.attempt + 1)
    assert harness.runs(bystander)[0].status == "failed"


def test_a_retry_of_some_runs_leaves_the_others_as_they_are(harness: QueueHarness) -> None:
    id_ = harness.submit([0, 1], folds=[(0, 0), (0, 1), (1, 0), (1, 1)])
    harness.cancel(id_)
    assert harness.retry(id_, RunFilter(fold=1, seed=0)) == 2
    queued = [(run.repeat, run.fold, run.seed) for run in harness.runs(id_) if run.status == "queued"]
    assert queued == [(0, 1, 0), (1, 1, 0)]
    assert harness.retry(id_, RunFilter(repeat=0, fold=1, seed=0)) == 0
    assert harness.retry(id_) == 6


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_there_is_nothing_to_retry_unless_a_run_failed_or_was_cancelled(
    harness: QueueHarness, status: str
) -> None:
    id_ = harness.submit()
    if status != "queued":
        lease = harness.take()
    if status == "succeeded":
        harness.finish(lease)
    before = harness.runs(id_), harness.experiment(id_)
    assert harness.retry(id_) == 0
    assert (harness.runs(id_), harness.experiment(id_)) == before
