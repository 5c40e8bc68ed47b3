"""A regression through the API: submitted, trained by an agent, read, predicted, compared and tested."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sklearn.datasets import load_diabetes

from service.agent.agent import Agent
from service.settings import Settings
from service.store.database import Database
from tests.harness import Harness

SPEC: dict[str, Any] = {"dataset": "diabetes", "training": {"epochs": 3}, "seeds": [0, 1]}


@pytest.fixture
def agent(app: FastAPI, client: TestClient, database: Database, settings: Settings) -> Iterator[Harness]:
    """An agent with a worker process; the harness waits for its runs."""
    agent = Agent(database, app.state.registry, settings.model_copy(update={"workers": 1}))
    agent.start()
    yield Harness(database, app.state.registry, settings)
    agent.stop()


def trained(client: TestClient, agent: Harness, spec: dict[str, Any]) -> dict[str, Any]:
    """The experiment of a spec, once it has ended."""
    accepted = client.post("/experiments", json=spec)
    assert accepted.status_code == 202, accepted.text
    id_ = accepted.json()["id"]
    assert agent.wait_for_end(id_, seconds=100).status == "succeeded"
    experiment: dict[str, Any] = client.get(f"/experiments/{id_}").json()
    return experiment


def test_a_regression_from_the_spec_to_the_last_response(client: TestClient, agent: Harness) -> None:
    experiment = trained(client, agent, SPEC)
    here, summary = f"/experiments/{experiment['id']}", experiment["summary"]
    assert experiment["spec"]["task"] == experiment["plan"]["task"] == "regression"
    assert experiment["spec"]["loss"] == {"name": "l2", "output": "linear"}
    assert summary["selection"] == {"metric": "rmse", "direction": "min", "split": "validation"}
    rmse = summary["metrics"]["rmse"]
    assert rmse["low"] < rmse["mean"] < rmse["high"]
    assert summary["metrics"]["accuracy"] is None
    assert [each["name"] for each in summary["baselines"]] == ["mean", "median", "ridge"]
    mean, median, ridge = (each["metrics"] for each in summary["baselines"])
    assert [each["figures"] for each in summary["intervals"]] == [["metrics", "classes"]]
    assert mean["rmse"] < median["rmse"]
    assert ridge["rmse"] < mean["rmse"]
    assert abs(mean["r2"]) < 0.05
    assert len(summary["classes"]) == 10
    assert all(each["mae_low"] < each["mae"] < each["mae_high"] for each in summary["classes"])

    rows = client.get(f"{here}/predictions?limit=1000&seed=0").json()["items"]
    errors = np.array([row["prediction"] - row["target"] for row in rows])
    measured = client.get(f"{here}/metrics?split=validation&seed=0").json()["items"]
    assert min(row["rmse"] for row in measured) == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-9)
    targets = load_diabetes().target
    assert all(row["target"] == targets[row["row"]] for row in rows)

    bins = client.get(f"{here}/classes?split=validation&seed=0").json()["items"]
    assert sum(each["support"] for each in bins) == len(rows)
    for each in bins:
        of_bin = [abs(row["prediction"] - row["target"]) for row in rows if row["class"] == each["class"]]
        assert each["mae"] == pytest.approx(np.mean(of_bin))
        assert each["accuracy"] is None

    features = load_diabetes(scaled=False).data
    asked = {"rows": [features[row["row"]].tolist() for row in rows[:20]]}
    page = client.get(f"/ui{here}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Ranges of the target" in page.text
    assert "charts/predictions.svg" in page.text
    assert "Evaluate on the test set" in page.text
    assert "Confusion matrix" not in page.text

    bars = client.get(f"{here}/charts/classes.svg").text
    assert "Error of each range of the target" in bars
    worst = max(summary["classes"], key=lambda each: each["mae"])
    assert f"Highest: {worst['class']} with {worst['mae']:.3f}" in bars
    drawn = client.get(f"{here}/charts/predictions.svg").text
    assert f"{2 * len(rows)} predictions" in drawn
    both = client.get(f"{here}/predictions?limit=1000").json()["items"]
    median = np.median([row["prediction"] - row["target"] for row in both])
    assert f"50% are at most {median:.3f}" in drawn

    answer = client.post(f"{here}/predict?seed=0", json=asked).json()["items"]
    assert [each["value"] for each in answer] == pytest.approx(
        [row["prediction"] for row in rows[:20]], rel=1e-4
    )
    shown = client.post(f"/ui{here}/predict", data={"rows": json.dumps(asked["rows"]), "seed": "0"})
    assert shown.status_code == 200, shown.text
    assert all(f"<b>{each['value']:.6g}</b>" in shown.text for each in answer)


@pytest.mark.parametrize(
    "path", ["confusion", "curves", "operating-points", "reliability", "errors", "charts/confusion.svg"]
)
def test_what_is_of_classes_is_refused(client: TestClient, path: str) -> None:
    id_ = client.post("/experiments", json=SPEC).json()["id"]
    answer = client.get(f"/experiments/{id_}/{path}")
    assert answer.status_code == 409, answer.text
    assert "is a regression" in answer.json()["detail"]


def test_a_classification_has_no_predicted_numbers(client: TestClient) -> None:
    id_ = client.post("/experiments", json={"dataset": "iris"}).json()["id"]
    answer = client.get(f"/experiments/{id_}/charts/predictions.svg")
    assert answer.status_code == 409, answer.text
    assert answer.json()["type"] == "/problems/not-a-regression"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"loss": "cross_entropy"}, "loss"),
        ({"loss": {"name": "l2", "output": "sigmoid"}}, "loss.output"),
        ({"balancing": "smote"}, "balancing"),
        ({"class_weights": "inverse_frequency"}, "class_weights"),
        ({"prediction": "threshold"}, "prediction"),
        ({"model": "linear", "loss": "l1"}, "loss"),
        ({"training": {"early_stopping": {"metric": "accuracy"}}}, "training.early_stopping.metric"),
        ({"dataset": "iris", "task": "regression"}, "task"),
        ({"dataset": "iris", "loss": "quantile"}, "loss"),
        ({"dataset": "iris", "class_weights": "inverse_density"}, "class_weights"),
        (
            {"dataset": "iris", "training": {"early_stopping": {"metric": "rmse"}}},
            "training.early_stopping.metric",
        ),
    ],
)
def test_what_a_task_does_not_have_is_refused(client: TestClient, changes: dict[str, Any], path: str) -> None:
    answer = client.post("/experiments/validate", json=SPEC | changes)
    assert answer.status_code == 422, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]]


def test_bins_of_numbers_can_be_classified(client: TestClient) -> None:
    spec = client.post("/experiments/validate", json={"dataset": "diabetes", "task": "classification"}).json()
    assert spec["spec"]["loss"]["name"] == "cross_entropy"
    assert spec["task"] == "classification"


def test_errors_of_heavy_tails_are_a_finding(client: TestClient, agent: Harness) -> None:
    draw = np.random.default_rng(0)
    for name, noise in (("heavy", draw.standard_t(2.2, 600)), ("normal", draw.standard_normal(600))):
        x = draw.standard_normal(600)
        table = "x,y\n" + "".join(f"{a:.6f},{2 * a + b:.6f}\n" for a, b in zip(x, noise, strict=True))
        form = {"name": name, "task": "regression"}
        assert client.post("/datasets", data=form, files={"file": table.encode()}).status_code == 201
        experiment = trained(client, agent, {"dataset": name, "model": "linear"})
        found = {each["code"]: each["sentence"] for each in experiment["summary"]["findings"]}
        assert ("heavy_tails" in found) == (name == "heavy")
        if name == "heavy":
            assert found["heavy_tails"].startswith("The errors have heavy tails: RMSE is ")
