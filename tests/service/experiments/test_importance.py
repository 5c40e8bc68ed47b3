"""The importance of an experiment's columns through the API."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.experiments import importance as service
from tests.service.conditional import get
from tests.service.experiments.test_named_rows import as_csv
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from tests.service.stored_runs import record_epochs, save_model
from tests.workers.data.preprocessing.mixed_tables import mixed_table
from workers import importance as core

SEEDS = (1, 2)
SPEC = {"dataset": "people", "model": {"hidden": [16]}, "training": {"epochs": 12}, "seeds": SEEDS}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def upload(client: TestClient) -> None:
    uploaded = client.post(
        "/datasets",
        data={"name": "people", "format": "csv", "label": "bought"},
        files={"file": ("people.csv", as_csv(mixed_table(700, missing=0.02)))},
    )
    assert uploaded.status_code in (200, 201), uploaded.text


def trained(app: FastAPI, fake_worker: FakeWorker, **spec: Any) -> int:
    id_ = fake_worker.submit(**spec)
    for seed in spec.get("seeds", (0,)):
        fake_worker.claim()
        train_seed(app, fake_worker, id_, seed)
    return id_


@pytest.fixture
def people(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> int:
    upload(client)
    return trained(app, fake_worker, **SPEC)


def read(client: TestClient, id_: int, **query: Any) -> dict[str, Any]:
    response = client.get(f"/experiments/{id_}/importance", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_the_columns_that_the_class_follows_from_come_first(client: TestClient, people: int) -> None:
    found = read(client, people)
    assert {item["column"] for item in found["items"][:3]} == {"age", "city", "colour"}
    assert {item["column"] for item in found["items"]} >= {"income", "married", "since"}
    for item in found["items"]:
        assert item["low"] <= item["importance"] <= item["high"]
        assert item["run_sd"] >= 0 <= item["repeat_sd"]
    first = found["items"][0]
    assert first["low"] > 0.05
    assert f"'{first['column']}'" in found["sentence"]
    runs = client.get(f"/experiments/{people}").json()["runs"]
    assert [run["seed"] for run in found["runs"]] == [run["seed"] for run in runs] == list(SEEDS)
    metric = found["metric"]
    for run in found["runs"]:
        rows = client.get(
            f"/experiments/{people}/metrics", params={"split": "validation", "seed": run["seed"]}
        ).json()["items"]
        (selected,) = [row for row in rows if row["epoch"] == run["epoch"]]
        assert run["score"] == pytest.approx(selected[metric], rel=1e-5)
        assert run["rows"] == found["available_rows"]


def test_it_is_computed_once_for_all_formats_and_the_chart(client: TestClient, people: int) -> None:
    path = f"/experiments/{people}/importance"
    with patch.object(service, "importances", wraps=core.importances) as computed:
        first = get(client, path)
        csv = client.get(path, params={"format": "csv"})
        chart = client.get(f"/experiments/{people}/charts/importance.svg")
        page = client.get(f"/ui/experiments/{people}", headers={"Accept": "text/html"})
    assert computed.call_count == 1
    assert csv.text.splitlines()[1].startswith(first.json()["items"][0]["column"])
    assert first.json()["items"][0]["column"] in chart.text
    assert f"experiments/{people}/charts/importance.svg" in page.text
    assert get(client, path, first.headers["etag"]).status_code == 304
    one = read(client, people, seed=2, repeats=2)
    assert [run["seed"] for run in one["runs"]] == [2]
    assert one["items"][0]["run_sd"] is None


def test_without_the_data_set_or_a_model_it_is_a_409(
    client: TestClient, app: FastAPI, fake_worker: FakeWorker, people: int
) -> None:
    app.state.registry.delete_upload("people")
    app.state.registry.close_unused()
    for name in ("importance", "charts/importance.svg"):
        gone = client.get(f"/experiments/{people}/{name}")
        assert (gone.status_code, gone.json()["type"]) == (409, "/problems/rows-gone")
    assert "no data set 'people'" in gone.json()["detail"]
    waiting = client.get(f"/experiments/{fake_worker.submit()}/importance")
    assert (waiting.status_code, waiting.json()["type"]) == (409, "/problems/no-model")
    assert client.get("/experiments/999/importance").status_code == 404


def test_columns_that_share_are_named(client: TestClient, app: FastAPI, fake_worker: FakeWorker) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=300)
    lines = ["x,copy,other,y"] + [
        f"{value:.4f},{3 * value + generator.normal(0, 0.05):.4f},{generator.normal():.3f},{'ab'[int(value > 0)]}"
        for value in x
    ]
    form = {"name": "people", "format": "csv", "label": "y", "accept": "leak"}
    uploaded = client.post("/datasets", data=form, files={"file": ("t.csv", "\n".join(lines).encode())})
    if uploaded.status_code == 422:  # it asks about the columns that give the class away
        asked = sorted({each["path"] for each in uploaded.json()["errors"]})
        raise AssertionError((asked, uploaded.text))
    found = read(client, trained(app, fake_worker, dataset="people", training={"epochs": 2}))
    (pair,) = found["correlated"]
    assert {pair["first"], pair["second"]} == {"x", "copy"}
    assert pair["correlation"] > 0.95
    by_name = {item["column"]: item for item in found["items"]}
    assert (by_name["x"]["correlated_with"], by_name["other"]["correlated_with"]) == ("copy", None)
    assert "share" in found["sentence"]


def test_images_have_regions_and_a_regression_its_metric(
    client: TestClient, app: FastAPI, fake_worker: FakeWorker
) -> None:
    digits = read(client, trained(app, fake_worker, dataset="digits", training={"epochs": 1}))
    assert len(digits["items"]) == 64
    assert (digits["items"][0]["kind"], digits["correlated"]) == ("region", [])
    diabetes = read(client, trained(app, fake_worker, dataset="diabetes", training={"epochs": 8}))
    assert (diabetes["metric"], diabetes["direction"]) == ("rmse", "min")
    assert diabetes["items"][0]["column"] in {"bmi", "s5", "feature 2", "feature 8"}
    assert diabetes["items"][0]["low"] > 0


def test_what_would_take_too_long_is_sampled_then_refused(
    client: TestClient, people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_ROWS", 120)
    assert [run["rows"] for run in read(client, people, repeats=2)["runs"]] == [120, 120]
    monkeypatch.setattr(service, "MOST_SECONDS", 1e-4)
    response = client.get(f"/experiments/{people}/importance", params={"repeats": 3})
    assert (response.status_code, response.json()["type"]) == (409, "/problems/importance-too-long")


def test_a_cross_validation_is_measured_on_its_evaluation_parts(
    client: TestClient, app: FastAPI, fake_worker: FakeWorker
) -> None:
    split = {"name": "cross_validation", "folds": 3}
    id_ = fake_worker.submit(dataset="iris", split=split, training={"epochs": 3}, seeds=[0])
    runs = train_folds(app, fake_worker, id_)
    found = read(client, id_)
    assert (found["split"], len(found["runs"]), runs) == ("evaluation", 3, 3)
    counts = client.get(f"/experiments/{id_}").json()["plan"]["folds"]
    expected = [sum(each["split_counts"]["evaluation"]) for each in counts]
    assert [run["rows"] for run in found["runs"]] == expected
    assert all(item["low"] <= item["importance"] <= item["high"] for item in found["items"])


def train_folds(app: FastAPI, fake_worker: FakeWorker, id_: int) -> int:
    """Train each run of a cross-validation and store its model."""
    from service.store import queue
    from service.store.artifacts.artifact_store import ArtifactStore
    from workers.data.splits import Fold
    from workers.processes.messages import Succeeded
    from workers.spec import ExperimentSpec
    from workers.training import Trainer

    spec = ExperimentSpec.model_validate(fake_worker.read(id_)["spec"])
    store, trained_runs = ArtifactStore(app.state.settings.artifacts_url), 0
    while True:
        with fake_worker.database.write() as connection:
            claim = queue.claim(connection, agent="fake", lease_seconds=60, max_deaths=3)
        if claim is None:
            return trained_runs
        parts = app.state.registry.prepare_split(spec.dataset, spec.split, Fold(claim.repeat, claim.fold))
        trainer = Trainer(spec, parts.read("train"), parts.read("validation"), seed=claim.seed)
        epochs = list(trainer.epochs())
        rows = trainer.row_results(parts.rows("validation"))
        assert rows is not None
        model = Succeeded(trainer.best.epoch or 0, trainer.model().to_bytes(), rows.to_bytes())
        with fake_worker.database.write() as connection:
            record_epochs(connection, claim.lease.run_id, epochs)
            save_model(connection, store, claim.lease.run_id, model)
        trained_runs += 1
