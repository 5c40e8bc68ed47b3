"""Predictions for rows of a table, by the names of its columns."""

import json
import math
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from safetensors.numpy import load

from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from tests.workers.data.preprocessing.mixed_tables import mixed_table
from workers.checkpoint import Checkpoint
from workers.data.dataset import Dataset
from workers.predictor import Predictor

SPEC = {"dataset": "people", "model": {"hidden": [8]}, "training": {"epochs": 3}, "seeds": [1]}


def cells(table: Dataset) -> list[dict[str, Any]]:
    """The rows as a client would write them, null where missing."""

    def cell(value: float, levels: tuple[str, ...] | None) -> Any:
        return None if math.isnan(value) else value if levels is None else levels[int(value)]

    columns = table.columns or ()
    return [
        {column.name: cell(value, column.levels) for column, value in zip(columns, row, strict=True)}
        for row in table.features.tolist()
    ]


def as_csv(table: Dataset) -> bytes:
    lines = [",".join([column.name for column in table.columns or ()] + ["bought"])]
    for row, label in zip(cells(table), table.labels, strict=True):
        texts = ["" if value is None else str(value) for value in row.values()]
        lines.append(",".join([*texts, ("no", "yes")[label]]))
    return "\n".join(lines).encode()


class Trained:
    """A trained experiment on an uploaded table."""

    def __init__(self, app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> None:
        uploaded = client.post(
            "/datasets",
            data={"name": "people", "format": "csv", "label": "bought"},
            files={"file": ("people.csv", as_csv(mixed_table(400)))},
        )
        assert uploaded.status_code in (200, 201), uploaded.text
        self.id = fake_worker.submit(**SPEC)
        fake_worker.claim()
        self.trainer, _ = train_seed(app, fake_worker, self.id, 1)
        self.path = f"/experiments/{self.id}/predict"
        self.validation = self.trainer.validation_part


@pytest.fixture
def trained(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> Trained:
    return Trained(app, client, fake_worker)


def test_rows_by_name_in_any_order_or_as_lists_are_predicted_alike(
    client: TestClient, trained: Trained
) -> None:
    rows = cells(trained.validation)
    part, spec = trained.validation, trained.trainer.spec
    predictor = Predictor(spec, trained.trainer.model(), classes=part.classes, image_shape=None)
    expected = predictor(part.features).outputs
    shuffled = [dict(reversed(list(row.items()))) for row in rows]
    for given in (rows, shuffled, [list(row.values()) for row in rows]):
        response = client.post(trained.path, json={"rows": given})
        assert response.status_code == 200, response.text
        outputs = [item["probabilities"] for item in response.json()["items"]]
        np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_further_names_are_named_and_unknown_levels_counted(client: TestClient, trained: Trained) -> None:
    row = cells(trained.validation)[0] | {"city": "Atlantis", "id": 7}
    said = client.post(trained.path, json={"rows": [row, row]}).json()
    assert (said["ignored"], said["unknown"]) == (["id"], {"city": 2})


def test_an_error_lists_all_names_that_lack(client: TestClient, trained: Trained) -> None:
    response = client.post(trained.path, json={"rows": [{"age": 3}]})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["path"] == "rows[0]"
    for name in ("income", "married", "city", "since", "colour"):
        assert f"'{name}'" in error["message"]


def test_a_file_of_weights_alone_has_the_columns(client: TestClient, trained: Trained) -> None:
    tensors = load(client.get(f"/experiments/{trained.id}/weights").content)
    columns = json.loads(tensors["data.columns"].tobytes())
    assert [column["name"] for column in columns][:3] == ["age", "income", "married"]
    checkpoint = Checkpoint(1, trained.trainer.model().arrays)
    assert {name for name in tensors if name.startswith("preprocessing.")} == {
        name for name in checkpoint.arrays if name.startswith("preprocessing.")
    }
