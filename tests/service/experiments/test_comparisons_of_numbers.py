"""Comparisons of regressions: a paired bootstrap on the same rows, a corrected t over folds; smaller is better."""

from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import mean_pinball_loss, root_mean_squared_error

from service.store.artifacts.artifact_store import ArtifactStore
from service.store.epochs import epoch_writer
from service.store.epochs.epoch_writer import Measured
from tests.service.experiments.compared import compare
from tests.service.fake_worker import FakeWorker
from tests.service.stored_runs import record_epochs, save_model
from workers.evaluation.evaluation import Evaluation, evaluate_numbers
from workers.evaluation.row_results import RowPredictions, RowResults
from workers.processes.messages import Succeeded
from workers.training import Epoch

Floats = NDArray[np.float64]

ROWS = 120
TARGETS: Floats = np.random.default_rng(0).gamma(3, 50, ROWS)
BINS = np.argsort(np.argsort(TARGETS)) * 10 // ROWS


def errors(scale: float, seed: int) -> Floats:
    """Errors of the rows, alike for all experiments but for their scale and noise of the seed."""
    return np.random.default_rng(1).normal(0, scale, ROWS) + np.random.default_rng(seed).normal(0, 2, ROWS)


def measured(of_rows: Floats, quantile: float = 0.5) -> tuple[Evaluation, RowPredictions]:
    losses = np.abs(of_rows)
    evaluation, predicted = evaluate_numbers(
        TARGETS + of_rows, TARGETS, BINS, count=10, losses=losses, quantile=quantile
    )
    return evaluation, predicted()


def epoch(of: Evaluation) -> Epoch:
    return Epoch(1, of, of, np.full(10, 3), 0.001, 0.5, 1, 2.0)


def trained(fake_worker: FakeWorker, scale: float, **spec: Any) -> int:
    """A regression that has succeeded with errors of this scale in each of three seeds."""
    given = {"dataset": "diabetes", "training": {"epochs": 1}, "loss": "l2"} | spec
    id_ = fake_worker.submit(seeds=[0, 1, 2], **given)
    for _ in range(3):
        fake_worker.claim()
    for seed in range(3):
        evaluation, predicted = measured(errors(scale, seed), quantile(given))
        results = RowResults.of(predicted, np.arange(ROWS), BINS, 10, TARGETS)
        run_id = fake_worker.leases[id_, seed].run_id
        with fake_worker.database.write() as connection:
            record_epochs(connection, run_id, [epoch(evaluation)])
            ended = Succeeded(1, b"model", results.to_bytes())
            save_model(connection, ArtifactStore("unused"), run_id, ended)
        fake_worker.finish(id_, "succeeded", seed=seed)
    return id_


def quantile(spec: dict[str, Any]) -> float:
    return float(spec["loss"]["quantile"]) if isinstance(spec["loss"], dict) else 0.5


def cross_validated(fake_worker: FakeWorker, scales: list[float], **spec: Any) -> int:
    """A cross-validation of five folds with errors of these scales."""
    split = {"name": "cross_validation", "folds": 5}
    id_ = fake_worker.submit(dataset="diabetes", training={"epochs": 1}, split=split, **spec)
    for scale in scales:
        _, seed = fake_worker.claim()
        evaluation, _ = measured(errors(scale, 7))
        run_id = fake_worker.leases[id_, seed].run_id
        with fake_worker.database.write() as connection:
            record_epochs(connection, run_id, [epoch(evaluation)])
            epoch_writer.record_evaluations(connection, [Measured(run_id, 1, evaluation)])
        fake_worker.finish(id_, "succeeded", seed=seed)
    return id_


def test_the_smaller_error_on_the_same_rows_is_better(client: TestClient, fake_worker: FakeWorker) -> None:
    near = trained(fake_worker, 10, name="near")
    far = trained(fake_worker, 30, name="far", loss="l1")
    answer = compare(client, far, near)
    assert (answer["metric"], answer["direction"]) == ("rmse", "min")
    (item,) = answer["items"]
    assert (item["claim"], item["better"], item["mcnemar"]) == ("new_rows", near, [])
    means = [
        np.mean([root_mean_squared_error(TARGETS, TARGETS + errors(scale, seed)) for seed in range(3)])
        for scale in (30, 10)
    ]
    assert (item["mean_a"], item["mean_b"]) == (pytest.approx(means[0]), pytest.approx(means[1]))
    assert 0 < item["low"] < item["difference"] < item["high"]
    assert "'far' has a higher RMSE than 'near'" in item["finding"]["sentence"]
    for metric, better in {"mae": near, "median_absolute_error": near, "r2": near, "mse": near}.items():
        (item,) = compare(client, far, near, metric=metric)["items"]
        assert item["better"] == better, metric
    chart = client.get("/comparisons/chart.svg", params={"ids": f"{far},{near}"})
    assert "smaller is better" in chart.text


def test_the_interval_is_about_that_of_the_delta_method(client: TestClient, fake_worker: FakeWorker) -> None:
    """Of one metric that is a mean: the standard error of the paired differences of absolute errors."""
    near, far = trained(fake_worker, 10), trained(fake_worker, 12)
    (item,) = compare(client, far, near, metric="mae")["items"]
    seeds = [np.abs(errors(12, seed)) - np.abs(errors(10, seed)) for seed in range(3)]
    of_rows, of_seeds = np.mean(seeds, axis=0), [each.mean() for each in seeds]
    expected = np.hypot(
        stats.norm.ppf(0.975) * of_rows.std(ddof=1) / np.sqrt(ROWS),
        stats.t.ppf(0.975, 2) * np.std(of_seeds, ddof=1) / np.sqrt(3),
    )
    assert item["high"] - item["low"] == pytest.approx(2 * expected, rel=0.15)


def test_pinball_losses_of_different_quantiles_are_two_metrics(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    high, low = (
        trained(fake_worker, scale, loss={"name": "quantile", "quantile": q})
        for scale, q in ((9, 0.9), (9, 0.1))
    )
    again = trained(fake_worker, 25, loss={"name": "quantile", "quantile": 0.9})
    answer = compare(client, high, low, again, metric="pinball")
    by_pair = {(item["a"], item["b"]): item for item in answer["items"]}
    refused = by_pair[high, low]
    assert (refused["comparable"], refused["finding"]["code"]) == (False, "different_quantiles")
    assert "the 0.9 quantile" in refused["finding"]["sentence"]
    assert "rmse" in refused["finding"]["remedy"]
    item = by_pair[high, again]
    assert item["better"] == high
    of = [
        np.mean([mean_pinball_loss(TARGETS, TARGETS + errors(s, seed), alpha=0.9) for seed in range(3)])
        for s in (9, 25)
    ]
    assert item["difference"] == pytest.approx(of[0] - of[1])
    (alone,) = compare(client, high, again, metric="pinball")["items"]
    assert alone["finding"]["sentence"].split("[")[0] == item["finding"]["sentence"].split("[")[0]
    width, corrected = (each["high"] - each["low"] for each in (alone, item))
    assert width == pytest.approx(corrected)  # a refused pair is no test
    assert by_pair[low, again]["finding"]["code"] == "different_quantiles"


def test_other_losses_and_tasks_are_refused_with_metrics_of_numbers(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    l2, l1 = trained(fake_worker, 10), trained(fake_worker, 10, loss="l1")
    (item,) = compare(client, l2, l1, metric="loss")["items"]
    assert item["finding"]["code"] == "different_losses"
    assert "rmse, mae" in item["finding"]["remedy"]
    (item,) = compare(client, l2, l1, metric="accuracy")["items"]
    assert item["finding"]["code"] == "undefined_metric"
    assert "rmse, mae" in item["finding"]["remedy"]
    bins = fake_worker.submit(dataset="diabetes", task="classification", training={"epochs": 1}, seeds=[0])
    (item,) = compare(client, l2, bins)["items"]
    assert item["finding"]["code"] == "different_tasks"


def test_over_folds_the_interval_is_the_corrected_t(client: TestClient, fake_worker: FakeWorker) -> None:
    scales = [[10.0, 12, 11, 10, 12], [20.0, 21, 19, 22, 18]]
    a, b = (
        cross_validated(fake_worker, scales[0], name="a"),
        cross_validated(fake_worker, scales[1], name="b"),
    )
    answer = compare(client, a, b)
    assert answer["split"] == "evaluation"
    (item,) = answer["items"]
    folds = [[float(np.sqrt(np.mean(errors(scale, 7) ** 2))) for scale in each] for each in scales]
    differences = np.array(folds[0]) - np.array(folds[1])
    half = stats.t.ppf(0.975, 4) * differences.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert (item["claim"], item["folds"], item["better"]) == ("new_data", 5, a)
    assert item["low"] == pytest.approx(differences.mean() - half)
    assert item["high"] == pytest.approx(differences.mean() + half)
    assert "'a' has a lower RMSE than 'b'" in item["finding"]["sentence"]
    summary = fake_worker.read(a)["summary"]
    assert summary["metrics"]["rmse"]["mean"] == pytest.approx(np.mean(folds[0]))
    assert summary["metrics"]["rmse"]["low"] < summary["metrics"]["rmse"]["mean"]
