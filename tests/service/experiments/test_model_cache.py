"""Trained models: weights that are usable without the service, predictions, and bundles to repeat an experiment."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from safetensors.numpy import load

from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.data.dataset import Dataset

SPEC = {"dataset": "iris", "model": {"hidden": [8]}, "training": {"epochs": 3}}


class Trained:
    """An experiment of two seeds, of which the second has succeeded, and the first waits."""

    def __init__(self, app: FastAPI, fake_worker: FakeWorker, spec: dict[str, Any]) -> None:
        self.id = fake_worker.submit(**spec, seeds=[4, 9])
        for _ in range(2):
            fake_worker.claim()
        self.trainer, self.epochs = train_seed(app, fake_worker, self.id, 9)
        self.validation: Dataset = self.trainer.validation_part

    @property
    def rows(self) -> list[list[float]]:
        rows: list[list[float]] = self.validation.features.tolist()
        return rows

    @property
    def best_accuracy(self) -> float | None:
        return self.epochs[self.trainer.model().epoch - 1].validation.metrics["accuracy"]


@pytest.fixture
def trained(app: FastAPI, fake_worker: FakeWorker) -> Trained:
    return Trained(app, fake_worker, SPEC)


def test_predictions_agree_with_the_metrics_of_training(client: TestClient, trained: Trained) -> None:
    answer = client.post(f"/experiments/{trained.id}/predict", json={"rows": trained.rows})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["seed"], said["epoch"]) == (9, trained.trainer.model().epoch)
    assert said["classes"] == ["setosa", "versicolor", "virginica"]
    indices = [item["index"] for item in said["items"]]
    assert [item["label"] for item in said["items"]] == [said["classes"][index] for index in indices]
    assert np.mean(np.array(indices) == trained.validation.labels) == trained.best_accuracy
    for item in said["items"]:
        assert sum(item["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert int(np.argmax(item["probabilities"])) == item["index"]
        assert item["scores"] is None


def test_outputs_that_are_no_probabilities_are_called_scores(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker
) -> None:
    trained = Trained(app, fake_worker, SPEC | {"loss": {"name": "l2", "output": "linear"}})
    (item,) = client.post(f"/experiments/{trained.id}/predict", json={"rows": trained.rows[:1]}).json()[
        "items"
    ]
    assert item["probabilities"] is None
    assert int(np.argmax(item["scores"])) == item["index"]


def test_a_row_that_does_not_fit_is_named(client: TestClient, trained: Trained) -> None:
    row = trained.rows[0]
    hostile: list[tuple[Any, str]] = [
        ({"rows": [row, row[:3]]}, "rows[1]"),
        ({"rows": [row, [*row, 1.0]]}, "rows[1]"),
        ({"rows": [row, [1, 2, "three", 4]]}, "rows[1][2]"),
        ({"rows": [[1, 2, None, 4]]}, "rows[0]"),
        ({"rows": [[1, True, 3, 4]]}, "rows[0][1]"),
        ({"rows": [[1e39, 0, 0, 0]]}, "rows[0][0]"),
        ({"rows": [row, [3e38, 3e38, 3e38, 3e38]]}, "rows[1]"),
        ({"rows": [[]]}, "rows[0]"),
        ({"rows": []}, "rows"),
        ({"rows": [row] * 1001}, "rows"),
        ({"rows": row}, "rows[0]"),
        ({"row": [row]}, "rows"),
        ({"rows": [row], "seed": 9}, "seed"),
        ([row], ""),
        ({"rows": [["x"] * 100_000]}, "rows[0]"),
    ]
    for body, path in hostile:
        response = client.post(f"/experiments/{trained.id}/predict", json=body)
        assert response.status_code == 422, path
        assert path in [error["path"] for error in response.json()["errors"]], response.text


def test_the_weights_are_usable_alone(client: TestClient, trained: Trained) -> None:
    response = client.get(f"/experiments/{trained.id}/weights")
    assert response.headers["content-disposition"].endswith(f'"experiment-{trained.id}-seed-9.safetensors"')
    tensors = load(response.content)
    x = (trained.validation.features - tensors["scaling.offset"]) * tensors["scaling.factor"]
    logits = (
        np.maximum(x @ tensors["0.weight"] + tensors["0.bias"], 0) @ tensors["1.weight"] + tensors["1.bias"]
    )
    assert np.mean(logits.argmax(axis=1) == trained.validation.labels) == trained.best_accuracy
    size = int.from_bytes(response.content[:8], "little")
    facts = json.loads(json.loads(response.content[8 : 8 + size])["__metadata__"]["holdout"])
    assert facts["classes"] == ["setosa", "versicolor", "virginica"]
    assert facts["spec"] == client.get(f"/experiments/{trained.id}").json()["spec"]
    tag = {"If-None-Match": response.headers["etag"]}
    assert client.get(f"/experiments/{trained.id}/weights", headers=tag).status_code == 304


def test_a_bundle_is_enough_to_repeat_the_experiment(client: TestClient, trained: Trained) -> None:
    response = client.get(f"/experiments/{trained.id}/bundle")
    assert response.headers["content-type"] == "application/zip"
    bundle = zipfile.ZipFile(io.BytesIO(response.content))
    assert bundle.testzip() is None
    names = {"README.txt", "spec.json", "experiment.json", "metrics.csv", "classes.csv"}
    assert set(bundle.namelist()) == names | {"weights/seed-9.safetensors"}
    facts = json.loads(bundle.read("experiment.json"))
    assert facts["dataset"]["sha256"] in bundle.read("README.txt").decode()
    assert {"holdout", "numpy", "python"} <= set(facts["versions"])
    again = client.post(
        "/experiments", content=bundle.read("spec.json"), headers={"Content-Type": "application/json"}
    )
    assert again.json()["spec_hash"] == facts["spec_hash"]
    weights = client.get(f"/experiments/{trained.id}/weights").content
    assert bundle.read("weights/seed-9.safetensors") == weights
    for path, query in (("metrics", {}), ("classes", {"series": True})):
        table = client.get(f"/experiments/{trained.id}/{path}", params={"format": "csv", **query}).text
        assert bundle.read(f"{path}.csv").decode() == table


def test_without_a_model_it_is_409_and_explains_when_there_will_be_one(
    client: TestClient, trained: Trained
) -> None:
    untrained = client.post("/experiments", json={"dataset": "iris"}).json()["id"]
    row = {"rows": trained.rows[:1]}
    refused = [
        client.get(f"/experiments/{untrained}/weights"),
        client.get(f"/experiments/{untrained}/bundle"),
        client.post(f"/experiments/{untrained}/predict", json=row),
        client.get(f"/experiments/{trained.id}/weights?seed=4"),
        client.post(f"/experiments/{trained.id}/predict?seed=4", json=row),
    ]
    for response in refused:
        assert (response.status_code, response.json()["type"]) == (409, "/problems/no-model")
        assert "keeps its model when it succeeds" in response.json()["detail"]


def test_an_unknown_seed_or_experiment_is_404(client: TestClient, trained: Trained) -> None:
    assert client.get(f"/experiments/{trained.id}/weights?seed=5").json()["type"] == "/problems/unknown-seed"
    for path in ("weights", "bundle"):
        assert client.get(f"/experiments/99/{path}").json()["type"] == "/problems/unknown-experiment"


def test_rows_of_a_data_set_with_an_offset_are_sent_as_they_are(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker
) -> None:
    """Unix seconds a second apart: in single precision, rows of both classes would be one."""
    seconds = [1_700_000_000 + second for second in range(60)] * 2
    table = "t,label\n" + "".join(f"{each},{'late' if each % 60 >= 50 else 'early'}\n" for each in seconds)
    form = {"name": "clock", "format": "csv"}
    assert client.post("/datasets", data=form, files={"file": table.encode()}).status_code == 201
    spec = {
        "dataset": "clock",
        "training": {"epochs": 60},
        "optimizer": {"name": "adam", "learning_rate": 0.05},
    }
    trained = Trained(app, fake_worker, spec)
    body = {"rows": [[each] for each in seconds]}
    said = client.post(f"/experiments/{trained.id}/predict", json=body).json()["items"]
    right = [
        item["label"] == ("late" if each % 60 >= 50 else "early")
        for item, each in zip(said, seconds, strict=True)
    ]
    assert np.mean(right) > 0.95
    tensors = load(client.get(f"/experiments/{trained.id}/weights").content)
    assert tensors["data.offset"].dtype == np.float64
    assert tensors["data.offset"][0] in seconds
