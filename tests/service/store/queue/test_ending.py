"""How runs and experiments end: finished or cancelled."""

import pytest

from tests.service.store.experiments import End, QueueHarness


@pytest.mark.parametrize(
    ("status", "cause", "message"),
    [("succeeded", None, None), ("failed", "diverged", "epoch 2"), ("cancelled", None, None)],
)
def test_a_finish_is_final(harness: QueueHarness, status: str, cause: None, message: None) -> None:
    id_ = harness.submit()
    lease = harness.take()
    before = harness.clock()
    assert harness.finish(lease, status, cause=cause, message=message)
    run, experiment = harness.run(lease.run_id), harness.experiment(id_)
    assert (run.status, run.cause, run.message, run.agent, run.lease_until) == (
        status,
        cause,
        message,
        None,
        None,
    )
    assert before <= run.finished_at <= harness.clock()
    assert experiment.status == status
    assert before <= experiment.finished_at <= harness.clock()
    harness.cancel(id_)
    assert harness.run(lease.run_id) == run
    assert harness.experiment(id_) == experiment
    assert not harness.has_work()


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (["succeeded", "succeeded", "succeeded"], "succeeded"),
        (["succeeded", "failed", "cancelled"], "failed"),
        (["cancelled", "succeeded", "succeeded"], "cancelled"),
        (["failed", "failed", "failed"], "failed"),
    ],
)
def test_an_experiment_is_over_when_all_its_runs_are(
    harness: QueueHarness, ends: list[str], status: str
) -> None:
    id_ = harness.submit([0, 1, 2])
    for end, then in zip(ends, ["running", "running", status], strict=True):
        assert harness.experiment(id_).finished_at is None
        harness.finish(harness.take(), end)
        assert harness.experiment(id_).status == then
    experiment = harness.experiment(id_)
    assert (experiment.status, experiment.finished_at is None) == (status, False)


def test_cancelling_ends_queued_runs_and_requests_that_running_ones_stop(harness: QueueHarness) -> None:
    at_work = harness.submit()
    harness.take()
    id_, bystander = harness.submit([0, 1, 2]), harness.submit()
    over, running = harness.take(), harness.take()
    harness.finish(over)
    harness.cancel(id_)
    assert [(run.status, run.cancel_requested) for run in harness.runs(id_)] == [
        ("succeeded", False),
        ("running", True),
        ("cancelled", True),
    ]
    assert [run.finished_at is None for run in harness.runs(id_)] == [False, True, False]
    assert harness.experiment(id_).status == "running"
    assert [(run.status, run.cancel_requested) for run in harness.runs(bystander)] == [("queued", False)]
    assert [(run.status, run.cancel_requested) for run in harness.runs(at_work)] == [("running", False)]
    harness.finish(running, "cancelled")
    assert harness.experiment(id_).status == "cancelled"


@pytest.mark.parametrize(
    "end", [QueueHarness.record_death, lambda harness, lease: (harness.expire(lease), harness.claim("other"))]
)
def test_a_run_that_dies_while_it_is_being_cancelled_is_cancelled(harness: QueueHarness, end: End) -> None:
    id_ = harness.submit()
    lease = harness.take()
    harness.cancel(id_)
    end(harness, lease)
    run = harness.run(lease.run_id)
    assert (run.status, run.cause, run.message) == ("cancelled", None, None)
    assert run.finished_at is not None
    assert harness.experiment(id_).status == "cancelled"
    assert harness.claim() is None
