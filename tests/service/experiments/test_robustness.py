"""Reports on corrupted rows through the API: request, progress, report, chart, CSV and refusals."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.jobs.assignments import JobAssignmentBuilder
from service.store import jobs
from tests.service.conditional import get
from tests.service.experiments.test_importance import trained, upload
from tests.service.fake_worker import FakeWorker
from workers.jobs.messages import JobPlanned, JobSucceeded, StepDone
from workers.jobs.process import events

DIGITS = {"dataset": "digits", "model": {"hidden": [32]}, "training": {"epochs": 8}, "seeds": [0, 1]}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def carry_out(app: FastAPI, *, most: int | None = None) -> None:
    """Do what a runner does with the next job, in this process; only so many of its steps, and not its end."""
    state = app.state
    with state.database.write() as connection:
        claim = jobs.claim(connection, lease_seconds=60, max_deaths=3)
    assert claim is not None
    builder = JobAssignmentBuilder(state.database, state.registry, state.settings, state.artifacts)
    for event in events(builder.build(claim)):
        with state.database.write() as connection:
            match event:
                case JobPlanned(total):
                    jobs.store_steps(connection, claim.lease, {}, total)
                case StepDone(step, content):
                    if most is not None and step >= most:
                        jobs.release(connection, claim.lease)
                        return
                    jobs.store_steps(connection, claim.lease, {step: content}, None)
                case JobSucceeded(result):
                    jobs.finish(connection, claim.lease, "succeeded", result=result)
                case _:
                    raise AssertionError(event)


@pytest.fixture
def digits(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> int:
    return trained(app, fake_worker, **DIGITS)


def test_a_report_from_request_to_chart(app: FastAPI, client: TestClient, digits: int) -> None:
    path = f"/experiments/{digits}/robustness"
    assert client.get(path).status_code == 404
    response = client.post(path, json={"corruptions": ["gaussian_noise", "occlusion"]})
    assert response.status_code == 202, response.text
    assert response.headers["Location"] == path
    assert response.json()["status"] == "queued"
    first = get(client, path)
    assert get(client, path, first.headers["ETag"]).status_code == 304
    carry_out(app, most=4)
    second = get(client, path, first.headers["ETag"])
    assert second.status_code == 200
    found = second.json()
    assert (found["status"], found["progress"], found["report"]) == ("queued", {"done": 4, "total": 11}, None)
    assert "4 of 11" in client.get(f"/experiments/{digits}/charts/robustness.svg").text
    carry_out(app)
    found = client.get(path).json()
    assert found["status"] == "succeeded"
    report = found["report"]
    rows = client.get(f"/experiments/{digits}/metrics", params={"split": "validation"}).json()["items"]
    runs = client.get(f"/experiments/{digits}").json()["runs"]
    chosen = [
        row["accuracy"]
        for row in rows
        for run in runs
        if (row["seed"], row["epoch"]) == (run["seed"], run["best_epoch"])
    ]
    assert report["clean"]["figures"][0]["value"] == pytest.approx(sum(chosen) / len(chosen))
    assert [(each["corruption"], each["severity"]) for each in report["items"]] == [
        (name, severity) for name in ("gaussian_noise", "occlusion") for severity in range(1, 6)
    ]
    worst = report["items"][-1]
    assert worst["figures"][1]["drop"] > 0.1
    assert worst["figures"][1]["low"] < worst["figures"][1]["drop"] < worst["figures"][1]["high"]
    assert worst["worst_class"] in report["classes"]
    assert worst["worst_class_accuracy"] == min(worst["classes"])
    chart = client.get(f"/experiments/{digits}/charts/robustness.svg")
    assert chart.status_code == 200
    assert "gaussian noise" in chart.text
    lines = client.get(path, params={"format": "csv"}).text.splitlines()
    assert len(lines) == 1 + 10 * 2
    assert lines[0].startswith("corruption,severity,level,metric,value,drop,low,high")
    again = client.post(path, json={"corruptions": ["gaussian_noise", "occlusion"]})
    assert again.json()["status"] == "succeeded"
    page = client.get(f"/ui/experiments/{digits}").text
    assert "charts/robustness.svg" in page
    assert client.post(f"{path}/cancel").status_code == 409


def test_a_report_is_cancelled_and_continued(app: FastAPI, client: TestClient, digits: int) -> None:
    path = f"/experiments/{digits}/robustness"
    client.post(path, json={"corruptions": ["contrast"]})
    carry_out(app, most=2)
    assert client.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert client.post(path, json={"corruptions": ["contrast"]}).json()["progress"]["done"] == 2
    carry_out(app)
    assert client.get(path).json()["status"] == "succeeded"


def test_requests_that_do_not_fit(client: TestClient, fake_worker: FakeWorker, digits: int) -> None:
    path = f"/experiments/{digits}/robustness"
    for corruptions, where in (
        (["unseen_levels"], "corruptions"),
        (["fog"], "corruptions[0]"),
        ([], "corruptions"),
    ):
        refused = client.post(path, json={"corruptions": corruptions})
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["path"].startswith(where)
    assert client.post("/experiments/999/robustness").status_code == 404
    untrained = fake_worker.submit()
    assert client.post(f"/experiments/{untrained}/robustness").status_code == 409
    assert client.post(f"/experiments/{untrained}/robustness/cancel").status_code == 404
    refused = client.post("/experiments/validate", json=DIGITS | {"robustness": {"corruptions": ["noise"]}})
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["path"] == "robustness.corruptions"
    misspelt = client.post(f"/experiments/{digits}/robustness", json={"corruption": ["blur"]})
    assert misspelt.status_code == 422, misspelt.text
    assert "did you mean 'corruptions'" in misspelt.text


def test_the_hash_of_a_spec_is_that_without_the_report(client: TestClient) -> None:
    hashes = {
        client.post("/experiments/validate", json=DIGITS | {"robustness": wanted}).json()["spec_hash"]
        for wanted in (None, False, True, {"corruptions": ["blur"]})
    }
    plain = client.post("/experiments/validate", json=DIGITS).json()
    assert hashes == {plain["spec_hash"]}
    assert plain["spec"]["robustness"] is None


def test_a_table_of_mixed_columns(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> None:
    upload(client)
    spec: dict[str, Any] = {"dataset": "people", "model": {"hidden": [16]}, "training": {"epochs": 12}}
    id_ = trained(app, fake_worker, **spec)
    client.post(f"/experiments/{id_}/robustness")
    carry_out(app)
    report = client.get(f"/experiments/{id_}/robustness").json()["report"]
    drops = {each["corruption"]: each["figures"][1]["drop"] for each in report["means"]}
    assert drops.keys() == {"noise", "missing_columns", "unseen_levels", "wrong_units", "swapped_columns"}
    assert drops["missing_columns"] > 0.02
