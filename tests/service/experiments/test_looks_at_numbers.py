"""The sealed test set of a regression: its figures, bounds, baselines, budget and Ladder."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sklearn.metrics import mean_absolute_error, median_absolute_error, r2_score, root_mean_squared_error

from service.settings import Settings
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.data.dataset import Dataset
from workers.evaluation.number_look import POSSIBLE
from workers.spec import ExperimentSpec

SPEC: dict[str, Any] = {"dataset": "diabetes", "model": "linear", "training": {"precision": "float64"}}
Train = Callable[..., int]


@pytest.fixture
def train(app: FastAPI, fake_worker: FakeWorker) -> Train:
    """An experiment on diabetes that has succeeded."""

    def train(*, seeds: tuple[int, ...] = (0,), **spec: Any) -> int:
        experiment_id = fake_worker.submit(**(SPEC | spec), seeds=list(seeds))
        for _ in seeds:
            fake_worker.claim()
        for seed in seeds:
            train_seed(app, fake_worker, experiment_id, seed)
        return experiment_id

    return train


@pytest.fixture
def change(app: FastAPI, client: TestClient, settings: Settings) -> Callable[..., None]:
    """Another budget, or a Ladder, from here on."""

    def change(**changed: Any) -> None:
        app.state.settings = settings.model_copy(update=changed)

    return change


def look(client: TestClient, experiment_id: int, status: int = 201) -> dict[str, Any]:
    response = client.post(f"/experiments/{experiment_id}/test-evaluations")
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def sealed(app: FastAPI, fake_worker: FakeWorker, id_: int) -> tuple[Dataset, np.ndarray[Any, Any]]:
    """The test part, and the targets of the training part."""
    spec = ExperimentSpec.model_validate(fake_worker.read(id_)["spec"])
    training = app.state.registry.prepare_split(spec.dataset, spec.split).read("train")
    return app.state.registry.test_part(spec.dataset, spec.split), training.targets


def test_the_figures_are_means_over_the_seeds_on_rows_outside_training(
    app: FastAPI, client: TestClient, train: Train, fake_worker: FakeWorker
) -> None:
    id_ = train(seeds=(3, 5), model={"hidden": [8]}, training={"epochs": 2})
    part, training = sealed(app, fake_worker, id_)
    assert part.targets is not None
    said = look(client, id_)
    predicted = []
    for seed in (3, 5):
        rows = {"rows": part.features.astype(float).tolist()}
        items = client.post(f"/experiments/{id_}/predict?seed={seed}", json=rows).json()["items"]
        predicted.append([item["value"] for item in items])
    oracles = {
        "rmse": root_mean_squared_error,
        "mae": mean_absolute_error,
        "median_absolute_error": median_absolute_error,
        "r2": r2_score,
    }
    figures = {each["metric"]: each for each in said["figures"]}
    assert list(figures) == list(oracles)
    for name, oracle in oracles.items():
        expected = np.mean([oracle(part.targets, each) for each in predicted])
        assert figures[name]["value"] == pytest.approx(expected, rel=6e-4), name
        assert figures[name]["value"] == float(f"{figures[name]['value']:.4g}")
        single, all_looks, *adaptive = figures[name]["bounds"]
        assert single["low"] < figures[name]["value"] < single["high"]
        assert (single["low"], single["high"]) == (all_looks["low"], all_looks["high"])
        assert [each["name"] for each in adaptive] == (["adaptive"] if name == "mae" else [])
    assert (said["accuracy"], said["bounds"], said["balanced_accuracy"]) == (None, [], None)
    for each in said["classes"]:
        of_bin = part.labels == each["index"]
        expected = np.mean([np.abs(np.array(p)[of_bin] - part.targets[of_bin]).mean() for p in predicted])
        assert each["support"] == of_bin.sum()
        assert each["mae"] == pytest.approx(expected, rel=6e-4)
        assert each["mae_low"] < each["mae"] < each["mae_high"]
    for each, value in zip(said["baselines"], (training.mean(), np.median(training)), strict=True):
        expected = mean_absolute_error(part.targets, np.full(len(part), value))
        assert each["metrics"]["mae"] == pytest.approx(expected, rel=6e-4)


def test_the_budget_and_the_repetition_are_those_of_classes(client: TestClient, train: Train) -> None:
    first, second = train(), train(loss="l1", model={"hidden": [4]}, training={"epochs": 1})
    said = look(client, first)
    assert look(client, second, 409)["type"] == "/problems/test-set-spent"
    assert look(client, first, 200) == said
    ledger = client.get(f"/experiments/{second}/test-evaluations").json()
    assert (ledger["looks"], ledger["remaining"], ledger["items"]) == (1, 0, [said])


def test_further_looks_widen_the_bounds_and_count_the_numbers_that_were_told(
    app: FastAPI, client: TestClient, train: Train, fake_worker: FakeWorker, change: Callable[..., None]
) -> None:
    change(test_budget=2)
    first = look(client, train())
    id_ = train(loss={"name": "quantile", "quantile": 0.9}, model={"hidden": [4]}, training={"epochs": 1})
    second = look(client, id_)
    assert "pinball" in [each["metric"] for each in second["figures"]]
    ledger = client.get(f"/experiments/{id_}/test-evaluations").json()["items"]
    for before, after in zip(first["figures"], ledger[0]["figures"], strict=True):
        assert after["bounds"][0] == before["bounds"][0]
        narrow, wide = (each["bounds"][1]["high"] - each["value"] for each in (before, after))
        assert wide == pytest.approx(narrow * 2.2414 / 1.96, rel=1e-4) or after["bounds"][1]["high"] == 1
    part, _ = sealed(app, fake_worker, id_)
    everything = app.state.registry.load(
        ExperimentSpec.model_validate(fake_worker.read(id_)["spec"]).dataset
    ).targets
    bins = sum(each["support"] > 0 for each in first["classes"])
    told = 4 * 3 + bins * 3 + 2 * 3 + 1
    half = math.sqrt((told * math.log(POSSIBLE + 1) + math.log(2 * 2 / 0.05)) / (2 * len(part)))
    assert half > 1  # of 44 rows, a second look that was chosen from the first says nothing
    adaptive = second["figures"][1]["bounds"][2]
    assert (adaptive["low"], adaptive["high"]) == (0, np.ptp(everything))


def test_a_ladder_tells_the_best_error_and_no_more(
    client: TestClient, train: Train, change: Callable[..., None]
) -> None:
    change(test_ladder=True)
    poor = train(
        model={"hidden": []}, training={"epochs": 1}, optimizer={"name": "sgd", "learning_rate": 1e-9}
    )
    good, same = train(), train(seeds=(1,), model={"name": "linear", "l2": 0.1001})
    classes = train(
        task="classification", loss="cross_entropy", model={"hidden": [4]}, training={"epochs": 1}
    )
    said = [look(client, each) for each in (poor, classes, good, same)]
    assert [each["improved"] for each in said] == [True, True, True, False]
    assert said[1]["figures"] == []
    assert said[1]["accuracy"] is not None
    first, _, second, third = (each["figures"] for each in said)
    assert [each["metric"] for each in first] == ["mae"]
    assert first[0]["value"] > second[0]["value"] == third[0]["value"]
    assert said[2]["classes"] == said[2]["baselines"] == second[0]["bounds"] == []
