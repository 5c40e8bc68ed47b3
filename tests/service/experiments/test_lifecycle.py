"""Retry an experiment: POST /experiments/{id}/retry."""

import pytest

from tests.service.fake_worker import FakeWorker

WRONG = [[5, 0], [5, 0]]


def retry(fake_worker: FakeWorker, id_: int) -> tuple[int, dict[str, object]]:
    response = fake_worker.client.post(f"/experiments/{id_}/retry")
    return response.status_code, response.json()


def test_failed_and_cancelled_runs_are_queued_again_and_the_others_stay(fake_worker: FakeWorker) -> None:
    id_ = fake_worker.submit(seeds=[0, 1, 2])
    for seed, status in enumerate(("succeeded", "failed")):
        fake_worker.claim()
        fake_worker.epoch(id_, 1, WRONG, seed=seed)
        fake_worker.finish(id_, status, seed=seed, cause="diverged" if status == "failed" else None)
    fake_worker.client.post(f"/experiments/{id_}/cancel")
    assert fake_worker.read(id_)["status"] == "failed"
    code, answer = retry(fake_worker, id_)
    assert (code, answer["id"], answer["status"]) == (202, id_, "running")
    read = fake_worker.read(id_)
    assert [run["status"] for run in read["runs"]] == ["succeeded", "queued", "queued"]
    assert [run["cause"] for run in read["runs"]] == [None, None, None]
    assert read["finished_at"] is None
    assert fake_worker.claim() == (id_, 1)


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_there_is_nothing_to_retry(fake_worker: FakeWorker, status: str) -> None:
    id_ = fake_worker.submit()
    if status != "queued":
        fake_worker.claim()
    if status == "succeeded":
        fake_worker.finish(id_, "succeeded")
    code, problem = retry(fake_worker, id_)
    assert (code, problem["type"]) == (409, "/problems/nothing-to-retry")
    assert status in str(problem["detail"])


def test_an_experiment_that_does_not_exist_cannot_be_retried(fake_worker: FakeWorker) -> None:
    code, problem = retry(fake_worker, 99)
    assert (code, problem["type"]) == (404, "/problems/unknown-experiment")
