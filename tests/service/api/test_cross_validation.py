"""A cross-validation through the API: submitted, trained by an agent, and read by run."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.agent.agent import Agent
from service.settings import Settings
from service.store.database import Database
from tests.harness import Harness

SPEC: dict[str, Any] = {
    "dataset": "iris",
    "split": {"name": "cross_validation", "folds": 2, "repeats": 2},
    "training": {"epochs": 3},
    "seeds": [0, 5],
}
RUNS = [(repeat, fold, seed) for repeat in (0, 1) for fold in (0, 1) for seed in (0, 5)]


@pytest.fixture
def agent(app: FastAPI, client: TestClient, database: Database, settings: Settings) -> Iterator[Harness]:
    """An agent with a worker process; the harness waits for its runs."""
    agent = Agent(database, app.state.registry, settings.model_copy(update={"workers": 1}))
    agent.start()
    yield Harness(database, app.state.registry, settings)
    agent.stop()


def keys(rows: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    return [(int(row["repeat"]), int(row["fold"]), int(row["seed"])) for row in rows]


def items(client: TestClient, path: str) -> list[dict[str, Any]]:
    """Every item of a collection, page by page."""
    found: list[dict[str, Any]] = []
    link: str | None = path
    while link:
        page = client.get(link).json()
        found, link = found + page["items"], page["next"]
    return found


def test_a_cross_validation_from_the_spec_to_the_last_response(client: TestClient, agent: Harness) -> None:
    accepted = client.post("/experiments", json=SPEC).json()
    here = accepted["links"]["self"]
    assert agent.wait_for_end(accepted["id"], seconds=100).status == "succeeded"
    experiment = client.get(here).json()
    plan = experiment["plan"]
    assert keys(experiment["runs"]) == RUNS
    assert plan["runs"] == len(RUNS)
    assert [(each["repeat"], each["fold"]) for each in plan["folds"]] == [
        (r, f) for r in (0, 1) for f in (0, 1)
    ]
    assert sum(sum(each["split_counts"]["evaluation"]) for each in plan["folds"]) == 2 * 135
    read_rows(client, here, plan)
    read_models(client, here)
    looked = client.post(f"{here}/test-evaluations")
    assert (looked.status_code, looked.json()["seeds"]) == (201, len(RUNS))


def read_rows(client: TestClient, here: str, plan: dict[str, Any]) -> None:
    """Rows of epochs: all runs, the evaluation part alone, one run; pages, CSV and events agree."""
    rows = items(client, f"{here}/metrics?limit=7")
    assert len(rows) == len(RUNS) * 3 * 2
    assert {row["split"] for row in rows} == {"train", "validation"}
    measured = items(client, f"{here}/metrics?split=evaluation&limit=5")
    assert sorted(keys(measured)) == RUNS
    table = csv.DictReader(io.StringIO(client.get(f"{here}/metrics?split=evaluation&format=csv").text))
    assert keys(list(table)) == keys(measured)
    sizes = {
        (each["repeat"], each["fold"]): sum(each["split_counts"]["evaluation"]) for each in plan["folds"]
    }
    assert all(row["rows"] == sizes[row["repeat"], row["fold"]] for row in measured)
    one = items(client, f"{here}/metrics?split=train&repeat=1&fold=1&seed=5")
    assert keys(one) == [(1, 1, 5)] * 3
    classes = items(client, f"{here}/classes?repeat=0&fold=1&seed=0")
    assert {row["split"] for row in classes} == {"train", "validation", "evaluation"}
    matrices = client.get(f"{here}/confusion?split=evaluation").json()["items"]
    assert sorted(keys(matrices)) == RUNS
    events = client.get(f"{here}/events").text
    assert events.count("event: epoch") == 3 * len(RUNS)
    assert events.count('"repeat":1,"fold":1') >= 6


def read_models(client: TestClient, here: str) -> None:
    """A model has to be named by its fold: none of them is the result of a cross-validation."""
    rows = {"rows": [[5.1, 3.5, 1.4, 0.2]]}
    refused = client.post(f"{here}/predict", json=rows)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/many-models")
    predicted = client.post(f"{here}/predict?repeat=1&fold=1&seed=5", json=rows).json()
    assert keys([predicted]) == [(1, 1, 5)]
    unknown = client.get(f"{here}/weights?repeat=2&fold=0")
    assert unknown.status_code == 404
    assert "the repeats 0 to 1, the folds 0 to 1" in unknown.json()["detail"]
    assert client.get(f"{here}/bundle").status_code == 200


@pytest.mark.parametrize(
    ("split", "path", "part_of_message"),
    [
        ("kfold", "split.name", "should be 'cross_validation'"),
        ({"n_splits": 5}, "split", '"name": "cross_validation" is missing beside n_splits'),
        ({"name": "cross_validation", "k": 5}, "split.k", "did you mean 'folds'"),
        ({"name": "cross_validation", "folds": 100, "repeats": 6}, "split", "an experiment has at most 500"),
        (
            {"name": "cross_validation", "folds": 50},
            "split",
            "and needs at least 50: one in each of the 50 folds",
        ),
        ({"name": "cross_validation", "version": 1}, "split.version", "should be 2"),
    ],
)
def test_a_wrong_spec_is_refused_with_what_would_be_right(
    client: TestClient, split: Any, path: str, part_of_message: str
) -> None:
    response = client.post("/experiments/validate", json={"dataset": "iris", "split": split})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["path"] == path
    assert part_of_message in error["message"]


def test_a_bare_name_is_a_cross_validation_with_defaults(client: TestClient) -> None:
    answer = client.post("/experiments/validate", json={"split": "cross_validation"}).json()
    assert answer["spec"]["split"]["folds"] == 5
    assert answer["runs"] == 5
