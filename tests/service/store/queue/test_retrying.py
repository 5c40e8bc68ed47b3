"""What a retry queues again."""

import pytest

from service.store.queue import Lease
from tests.service.store.experiments import Desk


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
