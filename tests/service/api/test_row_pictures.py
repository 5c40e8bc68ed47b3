"""Rows as pictures: those that an experiment has used, and never a sealed one; previews show no sealed row either."""

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.datasets.previews import picture
from service.png import png
from tests.quick_selection import Some
from tests.service.api.test_pages import shown
from tests.service.conditional import get
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.spec import ExperimentSpec

SMALL = {"dataset": "digits", "model": {"hidden": [2]}, "training": {"epochs": 1}}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def trained(app: FastAPI, fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit(**SMALL)
    fake_worker.claim()
    train_seed(app, fake_worker, experiment_id, 0)
    return experiment_id


def test_used_rows_have_a_picture_and_sealed_ones_have_none(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker, trained: int, some: Some
) -> None:
    spec = ExperimentSpec.model_validate(fake_worker.read(trained)["spec"])
    rows = app.state.registry.split_rows(spec.dataset, spec.split)
    dataset = app.state.registry.load(spec.dataset)
    for row in [*rows.train[:5].tolist(), *rows.validation[:5].tolist()]:
        response = client.get(f"/experiments/{trained}/rows/{row}.png")
        assert response.status_code == 200, response.text
        assert response.content == png(picture(dataset.features[row], dataset.shape))
    for row in [*some(rows.test.tolist(), 40, of="sealed rows"), len(dataset), 2**63 - 1]:
        refused = client.get(f"/experiments/{trained}/rows/{row}.png")
        assert refused.json()["type"] == "/problems/unknown-row", row
    assert client.get(f"/experiments/{trained}/rows/-1.png").status_code in (404, 422)
    assert client.get(f"/experiments/{trained + 1}/rows/1.png").status_code == 404


def test_a_picture_that_the_client_has_is_304(client: TestClient, trained: int) -> None:
    row = client.get(f"/experiments/{trained}/errors?limit=1").json()["items"][0]["row"]
    path = f"/experiments/{trained}/rows/{row}.png"
    assert get(client, path, get(client, path).headers["etag"]).status_code == 304


def test_the_page_shows_the_hardest_rows(client: TestClient, trained: int) -> None:
    hardest = client.get(f"/experiments/{trained}/errors?limit=12").json()["items"]
    page = client.get(f"/ui/experiments/{trained}")
    shown(page)
    for each in hardest:
        assert f"../../experiments/{trained}/rows/{each['row']}.png" in page.text


def test_nothing_is_shown_before_a_run_has_results(client: TestClient, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(**SMALL)
    assert client.get(f"/experiments/{experiment_id}/rows/1.png").json()["type"] == "/problems/no-row-results"


def test_a_table_has_rows_and_no_pictures(client: TestClient) -> None:
    preview = client.get("/datasets/iris/preview").json()
    assert len(preview["items"]) == 20
    assert len(preview["columns"]) == preview["features"] == 4
    assert {each["answer"] for each in preview["items"]} == {"setosa", "versicolor", "virginica"}
    text = shown(client.get("/ui/datasets/iris"))
    assert all(f"{cell:g}" in text for cell in preview["items"][0]["cells"])
    assert client.get("/datasets/digits/preview").json()["type"] == "/problems/no-table"
    for path in ("/datasets/iris/preview", "/datasets/digits/preview.png"):
        assert get(client, path, get(client, path).headers["etag"]).status_code == 304


def test_rows_of_the_preview_are_those_of_the_file(app: FastAPI, client: TestClient) -> None:
    dataset = app.state.registry.load(app.state.registry.source("iris"))
    for each in client.get("/datasets/iris/preview").json()["items"]:
        assert each["cells"] == pytest.approx(dataset.features[each["row"]].tolist(), rel=1e-6)
        assert each["answer"] == dataset.classes[dataset.labels[each["row"]]]
    assert np.all(np.diff([each["row"] for each in client.get("/datasets/iris/preview").json()["items"]]) > 0)
