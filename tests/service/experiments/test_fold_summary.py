"""The summary of a cross-validation: means over folds of means over seeds, and intervals of the procedure."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sqlalchemy import select
from statsmodels.stats.proportion import proportion_confint

from service.store import queue
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.epochs import epoch_writer
from service.store.epochs.epoch_writer import Measured
from service.store.tables import Run
from tests.service.fake_worker import FakeWorker, Matrix, evaluation, rows_of
from tests.service.stored_runs import save_model
from workers.evaluation.row_results import RowPredictions, RowResults
from workers.processes.failure_causes import Cause
from workers.processes.messages import Succeeded

FOLDS, REPEATS, SEEDS = 3, 2, (0, 1)
SPLIT = {"name": "cross_validation", "folds": FOLDS, "repeats": REPEATS, "test": 0}
VALIDATION: Matrix = [[100, 0], [0, 10]]
"""Perfect, so that a figure of the validation part in the summary would be noticed."""


def submit(fake_worker: FakeWorker, **spec: Any) -> int:
    return fake_worker.submit(split=SPLIT, seeds=list(SEEDS), **spec)


def matrix(wrong: int, wrong_of_rare: int = 2) -> Matrix:
    return [[300 - wrong, wrong], [wrong_of_rare, 33 - wrong_of_rare]]


def end(
    fake_worker: FakeWorker, measured: Matrix | None, *, cause: Cause | None = None, with_rows: bool = False
) -> tuple[int, int, int]:
    """Claim the next run and let it succeed with this evaluation, or fail. Returns its key.

    with_rows: whether it keeps row-level results. Each fold then has 333 rows of its own, the same in each repeat.
    """
    with fake_worker.database.write() as connection:
        claim = queue.claim(connection, agent="x", lease_seconds=60, max_deaths=3)
        assert claim is not None
    fake_worker.leases[claim.experiment_id, claim.seed] = claim.lease
    key = (claim.repeat, claim.fold, claim.seed)
    record_epoch(fake_worker, claim.lease.run_id)
    with fake_worker.database.write() as connection:
        if measured is not None:
            epoch_writer.record_evaluations(
                connection, [Measured(claim.lease.run_id, 1, evaluation(measured))]
            )
            if with_rows:
                ended = Succeeded(1, b"model", row_results(measured, 333 * claim.fold).to_bytes())
                save_model(connection, ArtifactStore("unused"), claim.lease.run_id, ended)
        status = "failed" if measured is None else "succeeded"
        assert queue.finish(connection, claim.lease, status, cause=cause)
    return key


def row_results(measured: Matrix, first: int) -> RowResults:
    labels, predicted = rows_of(measured)
    right = labels == predicted
    of_rows = RowPredictions.of(predicted, np.where(right, 0.1, 1.5), np.where(right, np.exp(-0.1), 0.5), 2)
    return RowResults.of(of_rows, first + np.arange(len(labels)), labels, 2)


def record_epoch(fake_worker: FakeWorker, run_id: int) -> None:
    with fake_worker.database.read() as connection:
        run = connection.execute(select(Run).where(Run.id == run_id)).one()
    fake_worker.epoch(run.experiment_id, 1, VALIDATION, seed=run.seed, run_id=run_id)


def expected_interval(values: list[Any]) -> tuple[float, float]:
    """The corrected t interval, written out."""
    folds = len(values)
    variance = (1 / folds + (1 / FOLDS) / (1 - 1 / FOLDS)) * np.var(values, ddof=1)
    half = stats.t.ppf(0.975, folds - 1) * np.sqrt(variance)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def test_seeds_are_averaged_within_folds_and_the_interval_is_the_corrected_t(fake_worker: FakeWorker) -> None:
    id_ = submit(fake_worker)
    wrong = [(20, 24), (31, 27), (22, 22), (40, 36), (25, 29), (18, 30)]
    keys = [end(fake_worker, matrix(each)) for fold in wrong for each in fold]
    summary = fake_worker.read(id_)["summary"]
    accuracy = [np.mean([1 - (each + 2) / 333 for each in fold]) for fold in wrong]
    estimate = summary["metrics"]["accuracy"]
    assert summary["split"] == "evaluation"
    assert [(row["repeat"], row["fold"], row["seed"]) for row in summary["seeds"]] == keys
    assert estimate["n"] == FOLDS * REPEATS
    assert estimate["mean"] == pytest.approx(np.mean(accuracy))
    assert estimate["sd"] == pytest.approx(np.std(accuracy, ddof=1))
    assert (estimate["min"], estimate["max"]) == pytest.approx((min(accuracy), max(accuracy)))
    assert (estimate["low"], estimate["high"]) == pytest.approx(expected_interval(accuracy))
    first = summary["classes"][0]
    recalls = [np.mean([1 - each / 300 for each in fold]) for fold in wrong]
    assert first["accuracy"] == pytest.approx(np.mean(recalls))
    assert (first["accuracy_low"], first["accuracy_high"]) == pytest.approx(expected_interval(recalls))
    assert [each["support"] for each in summary["classes"]] == [900, 100]
    meaning = next(each for each in summary["intervals"] if "metrics" in each["figures"])
    assert (meaning["of"], meaning["method"]) == ("procedure_on_new_data", "corrected_t")
    assert (meaning["optimistic"], meaning["missing"]) == (False, None)


def test_with_row_level_results_the_variance_has_a_component_of_rows_and_one_of_models(
    fake_worker: FakeWorker,
) -> None:
    """Of the recall of the first class, by hand. The first rows of each fold are right, the last ones wrong."""
    id_ = submit(fake_worker)
    wrong = [(20, 24), (31, 27), (22, 22), (40, 36), (25, 29), (18, 30)]
    for fold in wrong:
        for each in fold:
            end(fake_worker, matrix(each), with_rows=True)
    summary = fake_worker.read(id_)["summary"]
    right = np.array([[np.arange(300) < 300 - each for each in fold] for fold in wrong]).mean(axis=1)
    recalls = right.mean(axis=1)
    influences = (right - recalls[:, None]) / 300 * np.sqrt(300 / 299)
    of_mean = np.sum((influences[:3] + influences[3:]) ** 2) / len(wrong) ** 2
    of_fold = np.mean(np.sum(influences**2, axis=1))
    excess, share = np.var(recalls, ddof=1) - of_fold, 1 / (FOLDS - 1)
    variance_of_models = (1 / len(wrong) + share) * max(excess, 0)
    half = np.sqrt(
        stats.norm.ppf(0.975) ** 2 * (1 + share) * of_mean + stats.t.ppf(0.975, 5) ** 2 * variance_of_models
    )
    first = summary["classes"][0]
    assert excess > 0
    assert (first["accuracy_low"], first["accuracy_high"]) == pytest.approx(
        (recalls.mean() - half, recalls.mean() + half)
    )
    of_rows, corrected, _ = summary["intervals"]
    assert (of_rows["method"], of_rows["figures"]) == ("variance_components", ["metrics", "classes"])
    assert corrected["method"] == "corrected_t"
    assert corrected["figures"] == ["metrics.loss", "baselines"]
    values = [np.mean([each["loss"] for each in summary["seeds"][at : at + 2]]) for at in range(0, 12, 2)]
    loss = summary["metrics"]["loss"]
    assert (loss["low"], loss["high"]) == pytest.approx(expected_interval(values))
    assert summary["metrics"]["auroc"]["low"] < summary["metrics"]["auroc"]["mean"]
    assert (summary["metrics"]["ece"]["low"], summary["metrics"]["ece"]["high"]) == (None, None)


def test_if_all_folds_agree_the_interval_is_that_of_the_rows(fake_worker: FakeWorker) -> None:
    """Never of zero width: 100 rows that are all right in each fold do not prove that the next one will be."""
    id_ = submit(fake_worker)
    for _ in range(FOLDS * REPEATS * len(SEEDS)):
        end(fake_worker, matrix(0, 0))
    summary = fake_worker.read(id_)["summary"]
    for figures, rows in (
        (summary["metrics"]["accuracy"], 3 * 333),
        (summary["metrics"]["balanced_accuracy"], 3 * 33),
    ):
        low, _ = proportion_confint(rows, rows, method="wilson")
        assert (figures["low"], figures["high"]) == pytest.approx((low, 1.0))
    rare = summary["classes"][1]
    low, _ = proportion_confint(3 * 33, 3 * 33, method="wilson")
    assert (rare["accuracy_low"], rare["accuracy_high"]) == pytest.approx((low, 1.0))
    low, _ = proportion_confint(3 * 33, 3 * 33, method="wilson")
    mcc = summary["metrics"]["mcc"]
    assert (mcc["low"], mcc["high"]) == pytest.approx((2 * low - 1, 1.0))


def test_if_every_model_predicts_one_class_no_metric_counts_as_known(fake_worker: FakeWorker) -> None:
    """Balanced accuracy is 1/2 in each fold, MCC and kappa are 0: models that always say the same prove little."""
    id_ = submit(fake_worker)
    for _ in range(FOLDS * REPEATS * len(SEEDS)):
        end(fake_worker, matrix(0, 33))
    metrics = fake_worker.read(id_)["summary"]["metrics"]
    low, high = proportion_confint(3 * 33 / 2, 3 * 33, method="wilson")
    assert (metrics["balanced_accuracy"]["low"], metrics["balanced_accuracy"]["high"]) == pytest.approx(
        (low, high)
    )
    for name in ("mcc", "cohen_kappa"):
        middle = (metrics[name]["low"] + metrics[name]["high"]) / 2
        assert middle == pytest.approx(0)
        assert metrics[name]["high"] > 0.1


def test_intervals_stay_within_the_range_of_their_metric(fake_worker: FakeWorker) -> None:
    id_ = submit(fake_worker)
    for fold in range(FOLDS * REPEATS):
        for _ in SEEDS:
            end(fake_worker, matrix(0, 33 if fold == 0 else 0))
    summary = fake_worker.read(id_)["summary"]
    assert summary["metrics"]["accuracy"]["high"] == 1.0
    assert summary["classes"][1]["accuracy_low"] >= 0
    assert summary["metrics"]["nll"]["low"] >= 0


def test_failed_folds_are_left_out_and_a_finding_says_so(fake_worker: FakeWorker) -> None:
    id_ = submit(fake_worker)
    for number in range(FOLDS * REPEATS * len(SEEDS)):
        end(fake_worker, None if number in (0, 1, 4) else matrix(20 + number), cause="diverged")
    experiment = fake_worker.read(id_)
    summary = experiment["summary"]
    assert experiment["status"] == "failed"
    assert summary["metrics"]["accuracy"]["n"] == FOLDS * REPEATS - 1
    finding = next(each for each in summary["findings"] if each["code"] == "folds_left_out")
    assert "3 of 12 runs failed (diverged)" in finding["sentence"]
    assert "5 of 6 folds" in finding["sentence"]


def test_whoever_does_not_wait_gets_no_interval_of_folds(fake_worker: FakeWorker) -> None:
    id_ = submit(fake_worker)
    for number in range(FOLDS * REPEATS * len(SEEDS)):
        end(fake_worker, matrix(20 + number))
    known = fake_worker.client.get(f"/experiments/{id_}?intervals=known").json()["summary"]
    assert known["intervals"][0]["missing"]["code"] == "not_computed"
    assert known["metrics"]["accuracy"]["low"] is None
    complete = fake_worker.read(id_)["summary"]
    assert complete["metrics"]["accuracy"]["low"] < known["metrics"]["accuracy"]["mean"]


def test_there_is_no_interval_before_the_end_and_none_of_a_single_fold(fake_worker: FakeWorker) -> None:
    id_ = submit(fake_worker)
    assert fake_worker.read(id_)["summary"] is None
    for wrong in (20, 30, 40, 50):
        end(fake_worker, matrix(wrong))
    summary = fake_worker.read(id_)["summary"]
    assert summary["intervals"][0]["missing"]["code"] == "not_ended"
    assert (summary["metrics"]["accuracy"]["n"], summary["metrics"]["accuracy"]["low"]) == (2, None)
    other = submit(fake_worker)
    while (key := end(fake_worker, None, cause="diverged")) != (REPEATS - 1, FOLDS - 1, 1):
        pass
    end(fake_worker, matrix(20))
    for _ in range(FOLDS * REPEATS * len(SEEDS) - 1):
        end(fake_worker, None, cause="diverged")
    summary = fake_worker.read(other)["summary"]
    assert key == (1, 2, 1)
    assert summary["intervals"][0]["missing"]["code"] == "too_few_folds"
    assert summary["metrics"]["accuracy"]["low"] is None


def test_baselines_are_means_over_the_same_folds(fake_worker: FakeWorker) -> None:
    id_ = submit(fake_worker)
    linear = {"name": "linear", "balanced_accuracy": 0.7, "interval": None, "predicted_class": None}
    for number in range(FOLDS * REPEATS * len(SEEDS)):
        with fake_worker.database.read() as connection:
            queued = select(Run.id).where(Run.experiment_id == id_, Run.status == "queued").order_by(Run.id)
            run_id = connection.scalars(queued.limit(1)).one()
        if number % 2:
            with fake_worker.database.write() as connection:
                fitted = [linear | {"accuracy": 0.8 + number / 100}]
                epoch_writer.save_baselines_of_fold(connection, run_id, fitted)
        end(fake_worker, matrix(20 + number))
    experiment = fake_worker.read(id_)
    majority, fitted = experiment["summary"]["baselines"]
    parts = [each["split_counts"]["evaluation"] for each in experiment["plan"]["folds"]]
    assert majority["accuracy"] == pytest.approx(np.mean([many / (many + few) for many, few in parts]))
    assert (majority["split"], majority["predicted_class"]) == ("evaluation", "0")
    accuracies = [0.8 + number / 100 for number in range(1, 12, 2)]
    assert fitted["accuracy"] == pytest.approx(np.mean(accuracies))
    assert (fitted["accuracy_low"], fitted["accuracy_high"]) == pytest.approx(expected_interval(accuracies))
