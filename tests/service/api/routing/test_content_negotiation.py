"""Where `format` is absent, `Accept` chooses; no cache, ours or another, mistakes one format for another."""

import pytest
from fastapi.testclient import TestClient

from tests.service.fake_worker import CONFUSION, FakeWorker

JSON, LINES, CSV = "application/json", "application/x-ndjson", "text/csv"
PATHS = ("/experiments/{}/metrics", "/experiments/{}/classes", "/epochs?ids={}")


@pytest.fixture
def experiment(fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    return experiment_id


def media_type(client: TestClient, path: str, accept: str) -> str:
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == 200
    return answer.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize("path", PATHS)
def test_accept_chooses_again_and_again(client: TestClient, experiment: int, path: str) -> None:
    path = path.format(experiment)
    for _ in range(2):  # the second time from the cache
        for accept in (JSON, LINES, CSV):
            assert media_type(client, path, accept) == accept
        assert media_type(client, path, "*/*") == JSON
        assert media_type(client, path, "image/png") == JSON


@pytest.mark.parametrize("path", PATHS)
def test_format_is_stronger_than_accept(client: TestClient, experiment: int, path: str) -> None:
    path = path.format(experiment)
    path += "&format=csv" if "?" in path else "?format=csv"
    assert media_type(client, path, JSON) == CSV
    assert "vary" not in client.get(path).headers


@pytest.mark.parametrize("path", PATHS)
def test_each_format_has_a_tag_of_its_own(client: TestClient, experiment: int, path: str) -> None:
    path = path.format(experiment)
    tags = {}
    for accept in (JSON, LINES, CSV):
        answer = client.get(path, headers={"Accept": accept})
        tags[accept] = answer.headers["etag"]
        assert answer.headers["vary"] == "Accept"
    assert len({*tags.values()}) == 3
    for accept in (JSON, LINES, CSV):
        for known, tag in tags.items():
            answer = client.get(path, headers={"Accept": accept, "If-None-Match": tag})
            assert answer.status_code == (304 if known == accept else 200)
            assert (answer.headers["vary"], answer.headers["etag"]) == ("Accept", tags[accept])


def test_a_wait_ends_for_the_format_that_the_client_has(client: TestClient, experiment: int) -> None:
    path = f"/experiments/{experiment}/metrics?wait=0.05"
    tag = client.get(path, headers={"Accept": CSV}).headers["etag"]
    answer = client.get(path, headers={"Accept": CSV, "If-None-Match": tag})
    assert answer.status_code == 304


def test_several_lines_of_accept_are_one_header(client: TestClient, experiment: int) -> None:
    headers = [("Accept", "image/png"), ("Accept", "text/csv")]
    path = PATHS[0].format(experiment)
    answer = client.get(path, headers=headers)
    assert answer.headers["content-type"].startswith(CSV)


def test_an_error_is_a_problem_whatever_is_accepted(client: TestClient) -> None:
    answer = client.get(PATHS[0].format(7), headers={"Accept": CSV})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
