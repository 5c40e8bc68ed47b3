"""Charts by URL: what they show is what the API says, and a chart that has not changed is not sent again."""

import base64
import hashlib
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text, update

from service.store.database import Database
from service.store.tables import EpochMetrics, Run
from tests.service.conditional import get
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import CONFUSION, FakeWorker

SVG = "{http://www.w3.org/2000/svg}"
OF_ALL = ("curves", "sparkline", "classes", "confusion")
OF_SCORES = ("roc", "pr", "reliability")
MANY_EPOCHS, MANY_SEEDS = 5000, 8


@pytest.fixture
def trained(app: FastAPI, fake_worker: FakeWorker) -> int:
    """An experiment of two classes whose seeds have succeeded."""
    experiment_id = fake_worker.submit(model={"hidden": [4]}, training={"epochs": 3}, seeds=[0, 1])
    for seed in (0, 1):
        fake_worker.claim()
        train_seed(app, fake_worker, experiment_id, seed)
    return experiment_id


def chart(client: TestClient, experiment_id: int, name: str, **query: Any) -> Response:
    return client.get(f"/experiments/{experiment_id}/charts/{name}.svg", params=query)


def parsed(response: Response) -> ElementTree.Element:
    """The chart, if it came with everything that a chart has."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("image/svg+xml")
    root = ElementTree.fromstring(response.content)
    (style,) = [each.text or "" for each in root if each.tag == f"{SVG}style"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]
    assert "script-src" not in response.headers["content-security-policy"]
    return root


def described(response: Response) -> str:
    return parsed(response).findtext(f"{SVG}desc") or ""


@pytest.mark.parametrize("name", OF_ALL)
def test_every_chart_is_drawn_before_and_after_the_first_epoch(
    client: TestClient, fake_worker: FakeWorker, name: str
) -> None:
    experiment_id = fake_worker.submit()
    parsed(chart(client, experiment_id, name))
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    parsed(chart(client, experiment_id, name))


@pytest.mark.parametrize("name", [*OF_ALL, *OF_SCORES])
def test_a_chart_that_has_not_changed_is_304(client: TestClient, trained: int, name: str) -> None:
    path = f"/experiments/{trained}/charts/{name}.svg"
    first = get(client, path)
    parsed(first)
    again = get(client, path, first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("theme", ["auto", "light", "dark", "print"])
@pytest.mark.parametrize("width", [320, 1600])
def test_a_chart_has_the_width_and_the_colours_asked_for(
    client: TestClient, running: int, theme: str, width: int
) -> None:
    root = parsed(chart(client, running, "classes", theme=theme, width=width))
    assert root.get("width") == str(width)


def test_curves_say_the_means_of_the_epochs(client: TestClient, trained: int) -> None:
    items = client.get(f"/experiments/{trained}/metrics", params={"split": "validation"}).json()["items"]
    said = described(chart(client, trained, "curves", metric="loss"))
    for epoch in (1, 3):
        mean = np.mean([item["loss"] for item in items if item["epoch"] == epoch])
        assert f"{mean:.3f} at epoch {epoch}" in said
    assert "means of 2 runs" in said


def test_the_epochs_of_a_curve_are_read_once_until_there_are_more(
    client: TestClient, fake_worker: FakeWorker, statements: list[str]
) -> None:
    experiment = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment, 1, CONFUSION)
    first = described(chart(client, experiment, "curves"))
    statements.clear()
    assert described(chart(client, experiment, "curves", width=500, theme="dark")) == first
    assert not [each for each in statements if "avg(epoch_metrics" in each]
    assert described(chart(client, experiment, "curves", metric="accuracy")) != first
    fake_worker.epoch(experiment, 2, [[100, 0], [0, 20]])
    assert "at epoch 2" in described(chart(client, experiment, "curves", width=500))


def test_one_seed_can_be_drawn_alone(client: TestClient, trained: int) -> None:
    items = client.get(f"/experiments/{trained}/metrics", params={"split": "validation", "seed": 1}).json()[
        "items"
    ]
    said = described(chart(client, trained, "curves", metric="loss", seed=1))
    assert f"{items[-1]['loss']:.3f} at epoch {items[-1]['epoch']}" in said
    assert "runs" not in said


def test_a_confusion_matrix_adds_the_runs_up(client: TestClient, trained: int) -> None:
    matrices = client.get(f"/experiments/{trained}/confusion", params={"split": "validation"}).json()["items"]
    total = np.sum([each["matrix"] for each in matrices], axis=0)
    said = described(chart(client, trained, "confusion"))
    assert f"{np.trace(total)} of {total.sum()} predictions" in said


def test_areas_are_those_of_the_curves(client: TestClient, trained: int) -> None:
    runs = client.get(f"/experiments/{trained}/curves").json()["runs"]
    roc, pr = (described(chart(client, trained, name)) for name in ("roc", "pr"))
    for run in runs:
        assert f"seed {run['seed']}: AUROC {run['auroc']:.3f} [{run['auroc_low']:.3f}" in roc
        assert f"seed {run['seed']}: average precision {run['average_precision']:.3f}" in pr


def test_a_forest_plot_has_a_row_for_each_pair(
    client: TestClient, app: FastAPI, fake_worker: FakeWorker, trained: int
) -> None:
    other = fake_worker.submit(
        name="<b>other</b>", model={"hidden": [2]}, training={"epochs": 3}, seeds=[0, 1]
    )
    for seed in (0, 1):
        fake_worker.claim()
        train_seed(app, fake_worker, other, seed)
    query = {"ids": f"{trained},{other}"}
    (pair,) = client.get("/comparisons", params=query).json()["items"]
    response = client.get("/comparisons/chart.svg", params=query)
    said = described(response)
    assert f"{pair['difference']:+.3f} [{pair['low']:+.3f}, {pair['high']:+.3f}]" in said
    assert "<b>other</b>" in said
    assert get(client, "/comparisons/chart.svg", response.headers["etag"], **query).status_code == 304


def test_curves_of_several_experiments_are_drawn_over_each_other(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    first, second = fake_worker.submit(name="first"), fake_worker.submit(name="second", seeds=[0, 1])
    for experiment, matrix in ((first, [[90, 10], [5, 15]]), (second, CONFUSION)):
        fake_worker.claim()
        fake_worker.epoch(experiment, 1, matrix)
        fake_worker.epoch(experiment, 2, matrix, train=[[100, 0], [0, 20]])
    query = {"ids": f"{second},{first}", "metric": "accuracy"}
    response = client.get("/comparisons/curves.svg", params=query)
    said = described(response)
    assert said.index("'second': accuracy from 0.925") < said.index("'first': accuracy from 0.875")
    assert "means over the runs" in said
    lines = [each for each in parsed(response).iter(f"{SVG}path") if "line s1 d1" in each.get("class", "")]
    assert len(lines) == 2  # in the legend, and in the chart
    assert get(client, "/comparisons/curves.svg", response.headers["etag"], **query).status_code == 304
    on_training = client.get("/comparisons/curves.svg", params=query | {"split": "train"})
    assert "to 1.000" in described(on_training)
    for ids in (f"{first}", f"{first},{first}"):
        assert client.get("/comparisons/curves.svg", params={"ids": ids}).status_code == 422
    assert client.get("/comparisons/curves.svg", params={"ids": f"{first},99"}).status_code == 404


def test_a_chart_that_cannot_be_is_a_problem(client: TestClient, running: int) -> None:
    assert chart(client, 10**6, "curves").status_code == 404
    assert chart(client, running, "roc").json()["type"] == "/problems/no-row-results"
    for query in ({"theme": "pink"}, {"width": 10}, {"metric": "luck"}, {"colour": "red"}):
        assert chart(client, running, "curves", **query).status_code == 422


def test_long_runs_of_many_seeds_are_drawn_from_few_points(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    experiment_id = fake_worker.submit(
        name="long", training={"epochs": MANY_EPOCHS}, seeds=list(range(MANY_SEEDS))
    )
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    names = [
        column.name for column in EpochMetrics.__table__.columns if column.name not in ("run_id", "epoch")
    ]
    into = f"INSERT INTO epoch_metrics (run_id, epoch, {', '.join(names)})"
    upwards = "SELECT 1 UNION ALL SELECT epoch + 1 FROM numbers WHERE epoch < :last"
    copied = ", ".join(f"epoch_metrics.{name}" for name in names)
    numbers = f"WITH RECURSIVE numbers(epoch) AS ({upwards})"
    copied = f"SELECT runs.id, numbers.epoch, {copied} FROM epoch_metrics, runs, numbers"
    with database.write() as connection:
        connection.execute(text(f"{into} {numbers} {copied} WHERE numbers.epoch > 1"), {"last": MANY_EPOCHS})
        connection.execute(update(Run).values(epoch=MANY_EPOCHS))
    response = chart(client, experiment_id, "curves", metric="accuracy")
    root = parsed(response)
    lines = [each.attrib["d"] for each in root.iter(f"{SVG}path") if "line" in each.attrib["class"].split()]
    assert max(len(re.findall("L", line)) for line in lines) < 300
