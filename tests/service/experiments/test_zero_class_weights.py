"""Class weights at the ends of their range: only ratios matter, and a part without weight has no weighted loss."""

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker

NOTHING_IN_VALIDATION = {
    "dataset": {"name": "synthetic", "counts": [300, 300, 6], "features": 5, "separation": 2.0},
    "split": {"stratify": False, "seed": 3},
    "class_weights": {"name": "given", "weights": [0, 0, 1]},
    "training": {"epochs": 3},
}


def test_the_weighted_loss_of_rows_without_weight_is_null_in_every_response(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker
) -> None:
    id_ = fake_worker.submit(**NOTHING_IN_VALIDATION)
    fake_worker.claim()
    train_seed(app, fake_worker, id_, 0)
    here = f"/experiments/{id_}/metrics"
    rows = client.get(here).json()["items"]
    weighted = {part: [row["weighted_loss"] for row in rows if row["split"] == part] for part in PARTS}
    assert weighted["validation"] == [None] * 3
    assert all(loss > 0 for loss in weighted["train"])
    thinned = client.get(here, params={"max_points": 4, "metric": "weighted_loss", "split": "validation"})
    assert [row["weighted_loss"] for row in thinned.json()["items"]] == [None] * 3
    lines = client.get(here, params={"format": "ndjson"}).text.splitlines()
    assert [json.loads(line)["weighted_loss"] for line in lines[: len(rows)]] == [
        row["weighted_loss"] for row in rows
    ]
    table = list(csv.DictReader(io.StringIO(client.get(here, params={"format": "csv"}).text)))
    assert {row["weighted_loss"] for row in table if row["split"] == "validation"} == {""}
    events = client.get(f"/experiments/{id_}/events").text
    assert '"weighted_loss":null' in events.replace(" ", "")
    bundle = zipfile.ZipFile(io.BytesIO(client.get(f"/experiments/{id_}/bundle").content))
    assert bundle.read("metrics.csv").decode().splitlines()[1].split(",")[1] in PARTS


PARTS = ("train", "validation")


@pytest.mark.parametrize("scale", [1e39, 1e300, 1e-46, 1e-300])
def test_only_the_ratios_of_weights_matter(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker, scale: float
) -> None:
    def metrics(weights: list[float]) -> list[dict[str, Any]]:
        spec = {"class_weights": {"name": "given", "weights": weights}, "training": {"epochs": 2}}
        id_ = fake_worker.submit(**spec)
        fake_worker.claim()
        train_seed(app, fake_worker, id_, 0)
        items: list[dict[str, Any]] = client.get(f"/experiments/{id_}/metrics").json()["items"]
        return items

    for one, other in zip(metrics([1.0, 3.0]), metrics([scale, 3 * scale]), strict=True):
        assert one["weighted_loss"] == pytest.approx(other["weighted_loss"], rel=1e-6)
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-6)
