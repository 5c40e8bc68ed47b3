"""The threshold of a model decides predictions and looks, and its figures say whether they are too good."""

from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from safetensors.numpy import load

from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.spec import ExperimentSpec

DATASET = {"name": "synthetic", "counts": [300, 60], "features": 3, "separation": 1.0}
RULES: list[dict[str, Any]] = [
    {"name": "threshold", "maximise": "f1"},
    {"name": "cost_threshold", "cost": [[0, 1], [6, 0]]},
]


@pytest.fixture
def experiment(request: pytest.FixtureRequest, app: FastAPI, fake_worker: FakeWorker) -> int:
    """Of one seed, with the prediction that the test asks for."""
    spec = {"dataset": DATASET, "model": {"hidden": [6]}, "training": {"epochs": 4}}
    id_ = fake_worker.submit(**spec, prediction=request.param)
    fake_worker.claim()
    train_seed(app, fake_worker, id_, 0)
    return id_


def validation_rows(app: FastAPI, fake_worker: FakeWorker, experiment: int) -> tuple[list[Any], Any]:
    spec = ExperimentSpec.model_validate(fake_worker.read(experiment)["spec"])
    part = app.state.registry.prepare_split(spec.dataset, spec.split).read("validation")
    return part.features.astype(float).tolist(), part.labels


@pytest.mark.parametrize("experiment", RULES, indirect=True, ids=lambda rule: rule["name"])
def test_it_counts_the_predictions_that_the_model_makes(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker, experiment: int
) -> None:
    (point,) = client.get(f"/experiments/{experiment}/operating-points").json()["items"]
    rows, labels = validation_rows(app, fake_worker, experiment)
    answer = client.post(f"/experiments/{experiment}/predict", json={"rows": rows}).json()
    assert (
        (answer["positive"], answer["threshold"]) == (point["positive"], point["threshold"]) != (None, None)
    )
    probability = np.array([item["probabilities"] for item in answer["items"]])[:, 1]
    called = np.array([item["index"] for item in answer["items"]]) == 1
    assert np.array_equal(called, probability >= point["threshold"])
    assert not np.array_equal(called, probability > 0.5), "the threshold makes no difference here"
    counts = [(called & (labels == 1)).sum(), (called & (labels == 0)).sum()]
    assert [point["true_positives"], point["false_positives"]] == counts
    assert point["false_negatives"] == (~called & (labels == 1)).sum()
    assert point["rows"] == len(labels)
    assert (point["optimistic"], point["split"]) == (True, "validation")
    assert point["value"] == pytest.approx(point["chosen_value"])


@pytest.mark.parametrize("experiment", RULES[:1], indirect=True)
def test_the_weights_have_it(client: TestClient, experiment: int) -> None:
    (point,) = client.get(f"/experiments/{experiment}/operating-points").json()["items"]
    tensors = load(client.get(f"/experiments/{experiment}/weights").content)
    assert tensors["prediction.threshold"].tolist() == [point["threshold"]]
    assert tensors["prediction.positive"].tolist() == [1]


@pytest.mark.parametrize("experiment", ["argmax"], indirect=True)
def test_without_a_threshold_there_is_nothing_to_read(client: TestClient, experiment: int) -> None:
    problem = client.get(f"/experiments/{experiment}/operating-points").json()
    assert (problem["status"], problem["type"]) == (409, "/problems/no-threshold")
    row = {"rows": [[0.0, 0.0, 0.0]]}
    assert client.post(f"/experiments/{experiment}/predict", json=row).json()["threshold"] is None
