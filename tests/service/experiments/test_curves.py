"""Curves and reliability bins are those of the selected epoch, and agree with its metrics."""

import csv
import io
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update

from service.store.database import Database
from service.store.tables import Checkpoint
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.training import Trainer

TWO_CLASSES = {"name": "synthetic", "counts": [400, 60], "features": 3, "separation": 1.5}
SEEDS = [4, 7]


class Trained:
    """An experiment, the trainers of its seeds, and its answers."""

    def __init__(self, app: FastAPI, fake_worker: FakeWorker, **spec: Any) -> None:
        self.client = fake_worker.client
        given = {"dataset": TWO_CLASSES, "model": {"hidden": [8]}, "training": {"epochs": 4}, "seeds": SEEDS}
        self.id = fake_worker.submit(**given | spec)
        self.trainers: dict[int, Trainer] = {}
        for seed in fake_worker.read(self.id)["spec"]["seeds"]:
            fake_worker.claim()
            self.trainers[seed], _ = train_seed(app, fake_worker, self.id, seed)
        self.selected = {row["seed"]: row for row in fake_worker.read(self.id)["summary"]["seeds"]}

    def get(self, resource: str, **query: Any) -> dict[str, Any]:
        response = self.client.get(f"/experiments/{self.id}/{resource}", params=query)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def refusal(self, resource: str, **query: Any) -> dict[str, Any]:
        response = self.client.get(f"/experiments/{self.id}/{resource}", params=query)
        assert response.status_code >= 400
        problem: dict[str, Any] = response.json()
        return problem


@pytest.fixture
def trained(app: FastAPI, fake_worker: FakeWorker) -> Trained:
    return Trained(app, fake_worker)


def column(items: list[dict[str, Any]], name: str) -> list[Any]:
    return [item[name] for item in items]


def test_the_areas_are_those_of_the_selected_epoch_and_of_the_points(trained: Trained) -> None:
    curves = trained.get("curves")
    assert (curves["positive"], curves["negative"]) == ("1", "0")
    assert column(curves["runs"], "seed") == SEEDS
    for run in curves["runs"]:
        epoch = trained.selected[run["seed"]]
        assert run["auroc"] == pytest.approx(epoch["auroc"], abs=1e-6)
        assert run["auroc_low"] < run["auroc"] < run["auroc_high"]
        assert (run["epoch"], run["rows"], run["split"]) == (epoch["epoch"], epoch["rows"], "validation")
        points = [item for item in curves["items"] if item["seed"] == run["seed"]]
        recall, fall_out = column(points, "recall"), column(points, "false_positive_rate")
        assert np.trapezoid(recall, fall_out) == pytest.approx(run["auroc"], abs=1e-12)
        steps = np.diff(recall) * column(points, "precision")[1:]
        assert steps.sum() == pytest.approx(run["average_precision"], abs=1e-12)
        assert points[-1]["precision"] == pytest.approx(run["positive_share"])
        assert (points[0]["threshold"], recall[0], recall[-1], fall_out[-1]) == (None, 0, 1, 1)


def test_the_mean_of_both_classes_is_the_average_precision_of_the_epoch(trained: Trained) -> None:
    of_each = [trained.get("curves", positive=name, seed=7)["runs"][0] for name in ("0", "1")]
    means = np.mean(column(of_each, "average_precision"))
    assert means == pytest.approx(trained.selected[7]["average_precision"], abs=1e-6)
    assert of_each[0]["auroc"] == pytest.approx(of_each[1]["auroc"], abs=1e-6)


def test_the_rarer_class_is_positive_wherever_it_stands(app: FastAPI, fake_worker: FakeWorker) -> None:
    flipped = Trained(app, fake_worker, dataset=TWO_CLASSES | {"counts": [60, 400]}, seeds=[0])
    assert flipped.get("curves")["positive"] == "0"


def test_points_come_as_csv_and_no_more_than_were_asked_for(trained: Trained) -> None:
    few = trained.get("curves", max_points=5, seed=4)["items"]
    assert len(few) <= 5
    assert (few[0]["threshold"], few[-1]["recall"]) == (None, 1)
    table = trained.client.get(f"/experiments/{trained.id}/curves", params={"format": "csv", "seed": 4}).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [float(row["recall"]) for row in rows] == column(trained.get("curves", seed=4)["items"], "recall")


def test_the_bins_add_up_to_the_calibration_error_of_the_selected_epoch(trained: Trained) -> None:
    found = trained.get("reliability")
    for run in found["runs"]:
        epoch = trained.selected[run["seed"]]
        bins = [item for item in found["items"] if item["seed"] == run["seed"]]
        filled = [each for each in bins if each["rows"]]
        assert (len(bins), sum(column(bins, "rows"))) == (15, run["rows"])
        assert all(each["low"] < each["confidence"] <= each["high"] + 1e-6 for each in filled)
        assert {each["confidence"] for each in bins if not each["rows"]} <= {None}
        gaps = [each["rows"] * abs(each["accuracy"] - each["confidence"]) for each in filled]
        assert run["ece"] == pytest.approx(epoch["ece"], abs=1e-12)
        assert sum(gaps) / run["rows"] == pytest.approx(epoch["ece"], abs=1e-12)
        right = sum(each["rows"] * each["accuracy"] for each in filled)
        assert right / run["rows"] == pytest.approx(epoch["accuracy"])


def test_several_classes_have_bins_but_no_curves(app: FastAPI, fake_worker: FakeWorker) -> None:
    iris = Trained(app, fake_worker, dataset="iris", seeds=[0])
    problem = iris.refusal("curves")
    assert (problem["status"], problem["type"]) == (409, "/problems/no-scores")
    assert "has 3 classes" in problem["detail"]
    assert iris.get("reliability")["runs"][0]["ece"] == pytest.approx(iris.selected[0]["ece"], abs=1e-12)


@pytest.mark.parametrize("resource", ["curves", "reliability"])
def test_outputs_that_are_no_probabilities_are_refused(
    app: FastAPI, fake_worker: FakeWorker, resource: str
) -> None:
    trained = Trained(app, fake_worker, loss="l2", seeds=[0])
    assert trained.selected[0]["auroc"] is not None
    assert "gives no probabilities" in trained.refusal(resource)["detail"]


@pytest.mark.parametrize("resource", ["curves", "reliability"])
def test_runs_that_have_not_succeeded_have_none_yet(fake_worker: FakeWorker, resource: str) -> None:
    experiment = fake_worker.submit()
    problem = fake_worker.client.get(f"/experiments/{experiment}/{resource}").json()
    assert (problem["status"], problem["type"]) == (404, "/problems/no-row-results")


@pytest.mark.parametrize("resource", ["curves", "reliability"])
def test_an_unknown_seed_or_class_is_an_error(trained: Trained, resource: str) -> None:
    assert trained.refusal(resource, seed=5)["status"] == 404
    problem = trained.refusal(resource, positive="2")
    assert (problem["status"], problem["type"]) == (422, "/problems/invalid-parameter")


@pytest.mark.parametrize("resource", ["curves", "reliability"])
def test_lost_results_are_named(trained: Trained, database: Database, resource: str) -> None:
    with database.write() as connection:
        mine = update(Checkpoint).where(Checkpoint.kind == "row_results")
        connection.execute(mine.values(content=None, artifact="row_results-4f0c", sha256="4f0c"))
    problem = trained.refusal(resource)
    assert (problem["status"], problem["type"]) == (409, "/problems/unusable-row-results")
    assert "row_results-4f0c is not in the artifact store" in problem["detail"]


def test_a_client_that_has_the_curves_is_told_so(client: TestClient, trained: Trained) -> None:
    path = f"/experiments/{trained.id}/curves"
    etag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
