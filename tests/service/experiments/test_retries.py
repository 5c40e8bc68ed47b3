"""POST /experiments/{id}/retry."""

import pytest

from tests.service.fake_worker import Laboratory

WRONG = [[5, 0], [5, 0]]


def retry(laboratory: Laboratory, id_: int) -> tuple[int, dict[str, object]]:
    response = laboratory.client.post(f"/experiments/{id_}/retry")
    return response.status_code, response.json()


def test_what_failed_or_was_cancelled_is_queued_again_and_the_rest_stays(laboratory: Laboratory) -> None:
    id_ = laboratory.submit(seeds=[0, 1, 2])
    for seed, status in enumerate(("succeeded", "failed")):
        laboratory.claim()
        laboratory.epoch(id_, 1, WRONG, seed=seed)
        laboratory.finish(id_, status, seed=seed, cause="diverged" if status == "failed" else None)
    laboratory.client.post(f"/experiments/{id_}/cancel")
    assert laboratory.read(id_)["status"] == "failed"
    code, answer = retry(laboratory, id_)
    assert (code, answer["id"], answer["status"]) == (202, id_, "running")
    read = laboratory.read(id_)
    assert [run["status"] for run in read["runs"]] == ["succeeded", "queued", "queued"]
    assert [run["cause"] for run in read["runs"]] == [None, None, None]
    assert read["finished_at"] is None
    assert laboratory.claim() == (id_, 1)


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_there_is_nothing_to_retry(laboratory: Laboratory, status: str) -> None:
    id_ = laboratory.submit()
    if status != "queued":
        laboratory.claim()
    if status == "succeeded":
        laboratory.finish(id_, "succeeded")
    code, problem = retry(laboratory, id_)
    assert (code, problem["type"]) == (409, "/problems/nothing-to-retry")
    assert status in str(problem["detail"])


def test_an_experiment_that_does_not_exist_cannot_be_retried(laboratory: Laboratory) -> None:
    code, problem = retry(laboratory, 99)
    assert (code, problem["type"]) == (404, "/problems/unknown-experiment")
