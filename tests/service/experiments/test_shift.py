"""A batch compared with the validation rows: as JSON, CSV and NPZ, and batches that are hostile or odd."""

import io
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.service.experiments.test_named_rows import Trained, as_csv, cells
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from tests.workers.data.preprocessing.mixed_tables import mixed_table
from workers.data import batch_file


@pytest.fixture
def people(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> Trained:
    return Trained(app, client, fake_worker)


class Digits:
    """A trained experiment on images without names."""

    def __init__(self, app: FastAPI, fake_worker: FakeWorker) -> None:
        self.id = fake_worker.submit(dataset="digits", training={"epochs": 3}, seeds=[1])
        fake_worker.claim()
        trainer, _ = train_seed(app, fake_worker, self.id, 1)
        self.validation = trainer.validation_part
        self.path = f"/experiments/{self.id}/shift"


@pytest.fixture
def digits(app: FastAPI, fake_worker: FakeWorker) -> Digits:
    return Digits(app, fake_worker)


def npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def send(client: TestClient, path: str, content: bytes, kind: str, **fields: str) -> Any:
    return client.post(path, data={"format": kind, **fields}, files={"file": ("b", content)})


def test_json_and_csv_of_the_same_rows_have_the_same_answer(client: TestClient, people: Trained) -> None:
    table, path = mixed_table(60, seed=7), f"/experiments/{people.id}/shift"
    labels = [("no", "yes")[label] for label in table.labels]
    by_json = client.post(path, json={"rows": cells(table), "labels": labels})
    by_csv = send(client, path, as_csv(table), "csv")
    assert by_json.status_code == 200, by_json.text
    assert by_csv.json() == by_json.json()
    found = by_json.json()
    assert [each["name"] for each in found["tests"]] == [
        "outputs",
        "classes",
        "mmd",
        "classifier",
        "features",
    ]
    assert found["rows"] == 60
    assert found["measured"]["accuracy"]["batch"] is not None
    assert {each["class"] for each in found["prior"]["classes"]} == {"no", "yes"}


def test_a_moved_column_is_named_first(client: TestClient, people: Trained) -> None:
    table, path = mixed_table(200, seed=8), f"/experiments/{people.id}/shift"
    rows = cells(table)
    name = next(column.name for column in table.columns or () if column.kind == "number")
    level = next(column.name for column in table.columns or () if column.kind == "category")
    for row in rows:
        row[name] = None if row[name] is None else row[name] * 1000
        row[level] = "never seen"
        row["comment"] = "?"
    found = client.post(path, json={"rows": rows}).json()
    assert found["shifted"]
    assert {found["features"][0]["name"], found["features"][1]["name"]} == {name, level}
    assert found["unknown"] == {level: 200}
    assert found["ignored"] == ["comment"]
    assert found["measured"] is None
    moved = next(each for each in found["features"] if each["name"] == name)
    assert moved["out_of_range"] > moved["out_of_range_expected"]


def test_images_in_an_npz_file_with_their_labels(client: TestClient, digits: Digits) -> None:
    part = digits.validation
    images, labels = part.features[:150].reshape(-1, 8, 8), part.labels[:150]
    found = send(client, digits.path, npz(x=images, y=labels), "npz")
    assert found.status_code == 200, found.text
    assert not found.json()["shifted"]
    moved = send(client, digits.path, npz(x=np.roll(images, 1, axis=2), y=labels), "npz").json()
    assert moved["shifted"]
    assert moved["measured"]["accuracy"]["high"] < 0
    assert len(moved["measured"]["classes"]) == 10
    wide = client.post(digits.path, json={"rows": part.features[:150].tolist(), "labels": labels.tolist()})
    assert wide.json() == found.json()


def test_odd_batches_have_a_clear_answer(client: TestClient, digits: Digits) -> None:
    part = digits.validation
    one = client.post(digits.path, json={"rows": part.features[:1].tolist()}).json()
    assert not one["shifted"]
    assert [each["smallest_share"] for each in one["tests"]] == [None] * 5
    constant = client.post(digits.path, json={"rows": [[3.0] * 64] * 50})
    assert constant.json()["shifted"]
    strange = client.post(digits.path, json={"rows": part.features[:20].tolist(), "labels": ["cat"] * 20})
    assert strange.json()["measured"]["unknown"] == 20
    assert strange.json()["measured"]["accuracy"]["batch"] == 0


def test_odd_batches_of_a_table_have_a_clear_answer(client: TestClient, people: Trained) -> None:
    """All values missing, and all columns constant: both have shifted, and every figure is finite."""
    path, rows = f"/experiments/{people.id}/shift", cells(mixed_table(60, seed=7))
    lost = client.post(path, json={"rows": [dict.fromkeys(row) for row in rows]})
    assert lost.status_code == 200, lost.text
    assert lost.json()["shifted"]
    assert {each["missing_after"] for each in lost.json()["features"]} == {1.0}
    constant = client.post(path, json={"rows": [rows[0]] * 60})
    assert constant.status_code == 200, constant.text
    assert constant.json()["shifted"]
    one = client.post(path, json={"rows": rows[:1], "labels": ["yes"]})
    assert not one.json()["shifted"]
    assert [each["smallest_share"] for each in one.json()["tests"]] == [None] * 5
    no_number = client.post(
        path, content=b'{"rows": [{"age": NaN}]}', headers={"Content-Type": "application/json"}
    )
    assert no_number.status_code == 400


REFUSED = {
    "other columns": ({"rows": [[1.0, 2.0]]}, "the data set has 64 features"),
    "all missing": ({"rows": [[None] * 64]}, "should be a number"),
    "no row": ({"rows": []}, "rows"),
    "fewer labels": ({"rows": [[1.0] * 64] * 2, "labels": [1]}, "1 labels for 2 rows"),
    "an unknown field": ({"rows": [[1.0] * 64], "label": [1]}, "labels"),
    "no object": ([1], "object"),
}


def test_json_that_cannot_be_compared_is_refused(client: TestClient, digits: Digits) -> None:
    for name, (body, message) in REFUSED.items():
        refused = client.post(digits.path, json=body)
        assert refused.status_code == 422, (name, refused.text)
        assert message in str(refused.json())


def test_files_that_cannot_be_compared_are_refused(
    client: TestClient, digits: Digits, people: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, path = digits.validation.features[:5], f"/experiments/{people.id}/shift"
    holes = rows.astype(np.float64)
    holes[2, 7] = np.nan
    table = as_csv(mixed_table(20, seed=3))
    cases = {
        "rows of the shape (2,)": (digits.path, npz(x=rows[:, :2]), "npz", {}),
        "array 'z'": (digits.path, npz(x=rows, z=rows), "npz", {}),
        "feature 7": (digits.path, npz(x=holes), "npz", {}),
        "has one label": (digits.path, npz(x=rows, y=[1, 2]), "npz", {}),
        "not a zip file": (digits.path, b"hello", "npz", {}),
        "has no column 'species'": (path, table, "csv", {"label": "species"}),
        "lacks the columns": (path, b"a,b\n1,2\n", "csv", {}),
        "should be one of csv, npz": (path, table, "parquet", {}),
        "has no row": (path, table.split(b"\n")[0] + b"\n", "csv", {}),
    }
    for message, (where, content, kind, fields) in cases.items():
        refused = send(client, where, content, kind, **fields)
        assert refused.status_code == 422, (message, refused.text)
        assert message in refused.text, refused.text
    neither = client.post(path, content=b"a,b", headers={"Content-Type": "text/csv"})
    assert neither.status_code == 415


def test_more_cells_than_are_compared_are_refused_before_they_are_in_memory(
    client: TestClient, digits: Digits
) -> None:
    rows = batch_file.MOST_CELLS // 64 + 1
    refused = send(client, digits.path, npz(x=np.zeros((rows, 64), np.uint8)), "npz")
    assert refused.status_code == 413
    assert "send a random sample" in refused.json()["detail"]


def test_a_regression_compares_its_errors(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> None:
    id_ = fake_worker.submit(dataset="diabetes", task="regression", training={"epochs": 3}, seeds=[1])
    fake_worker.claim()
    trainer, _ = train_seed(app, fake_worker, id_, 1)
    part = trainer.validation_part
    assert part.targets is not None
    rows = part.features.astype(float) + (0 if part.offset is None else part.offset)
    body = {"rows": rows.tolist(), "labels": (part.targets + 300).tolist()}
    found = client.post(f"/experiments/{id_}/shift", json=body)
    assert found.status_code == 200, found.text
    assert [each["name"] for each in found.json()["tests"]] == ["outputs", "mmd", "classifier", "features"]
    assert found.json()["errors"]["low"] > 0
    assert found.json()["errors"]["residual_p_value"] < 1e-6
    assert found.json()["prior"] is None
    refused = client.post(f"/experiments/{id_}/shift", json={**body, "labels": ["a"] * len(rows)})
    assert refused.status_code == 422
