"""Splits by a column through the API: plans, refusals, and a run on the past."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.store.epochs import epoch_writer
from tests.service.experiments.test_importance import trained, upload
from tests.service.fake_worker import FakeWorker
from workers.evaluation.baselines import majority_baseline
from workers.evaluation.intervals import Interval
from workers.evaluation.random_split import RandomSplit


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def spec(by: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {
        "dataset": "people",
        "split": {"by": by},
        "model": {"hidden": [8]},
        "training": {"epochs": 2},
    } | more


def test_an_experiment_on_the_past_keeps_the_test_rows_of_others(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker
) -> None:
    upload(client)
    plain, by_time = (
        client.post("/experiments/validate", json=spec(by)).json()
        for by in (None, {"name": "time", "column": "since"})
    )
    assert plain["spec"]["split"]["by"] is None
    assert plain["spec_hash"] != by_time["spec_hash"]
    assert by_time["spec"]["split"]["stratify"] is False
    assert plain["split_counts"]["test"] == by_time["split_counts"]["test"]
    id_ = trained(app, fake_worker, **spec({"name": "time", "column": "since"}))
    found = client.get(f"/experiments/{id_}").json()
    assert found["status"] == "succeeded"
    assert found["summary"]["metrics"]["balanced_accuracy"]["mean"] > 0.4
    other = trained(app, fake_worker, **spec(None))
    compared = client.get("/comparisons", params={"ids": f"{other},{id_}"}).json()["items"][0]
    assert "splits differ" in compared["finding"]["sentence"]


@pytest.mark.parametrize(("drop", "is_found"), [(0.3, True), (0.05, False)])
def test_a_drop_against_a_random_split_is_a_finding(
    client: TestClient, fake_worker: FakeWorker, drop: float, is_found: bool
) -> None:
    upload(client)
    id_ = fake_worker.submit(**spec({"name": "time", "column": "since"}))
    fake_worker.claim()
    fake_worker.epoch(id_, 1, [[80, 20], [10, 30]])
    here, there = Interval(0.5, 0.7, 0.95), Interval(0.55 + drop, 0.65 + drop, 0.95)
    split = RandomSplit("balanced_accuracy", 0.6, here, 0.6 + drop, there)
    linear = replace(majority_baseline(np.array([2, 1]), np.array([2, 1])), name="linear", random_split=split)
    with fake_worker.database.write() as connection:
        epoch_writer.save_baselines(connection, id_, [linear])
    summary = fake_worker.read(id_)["summary"]
    stored = summary["baselines"][1]["random_split"]
    assert (stored["value"], stored["random"], stored["drop"]) == (0.6, 0.6 + drop, pytest.approx(drop))
    found = [each for each in summary["findings"] if each["code"] == "below_random_split"]
    assert bool(found) == is_found
    if is_found:
        assert (
            "which 'since' divides, a linear model has a balanced accuracy of 0.600" in found[0]["sentence"]
        )
        assert "below the 0.900 that it has on a random split" in found[0]["sentence"]


@pytest.mark.parametrize(
    ("by", "path", "message"),
    [
        ({"name": "time", "column": "when"}, "split", "is no column of 'people'"),
        ({"name": "value", "column": "city", "values": ["Atlantis"]}, "split", "has no value 'Atlantis'"),
        ({"name": "week", "column": "since"}, "split.by", ""),
        ({"name": "time"}, "split.by.column", ""),
    ],
)
def test_a_column_that_does_not_divide_is_refused(
    client: TestClient, by: dict[str, Any], path: str, message: str
) -> None:
    upload(client)
    refused = client.post("/experiments/validate", json=spec(by))
    assert refused.status_code == 422, refused.text
    (error,) = refused.json()["errors"]
    assert error["path"].startswith(path)
    assert message in error["message"]
