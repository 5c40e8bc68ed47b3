"""How runs and experiments end: finished, or cancelled."""

import pytest

from tests.service.store.experiments import Desk, End


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


def test_cancelling_ends_what_is_queued_and_asks_what_runs(desk: Desk) -> None:
    at_work = desk.submit()
    desk.take()
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
    assert [(run.status, run.cancel_requested) for run in desk.runs(at_work)] == [("running", False)]
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
