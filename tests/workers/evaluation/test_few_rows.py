"""Intervals and comparisons of few rows: of classes with few rows each, and of few rows in all."""

from statistics import fmean

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.bootstrap import two_way_bootstrap
from workers.evaluation.candidates import CandidatePredictions, compare_on_rows
from workers.evaluation.look_bounds import Told, balanced_accuracy_bounds
from workers.evaluation.paired_bootstrap import ResampledMetric, between_rows, resample
from workers.evaluation.regression_bootstrap import bootstrap_numbers, measured_numbers, resample_numbers
from workers.evaluation.row_results import RowResults
from workers.evaluation.row_weights import FEW_ROWS, class_weights
from workers.evaluation.score_bootstrap import bootstrap_scores
from workers.evaluation.score_differences import between_scores
from workers.nn.arrays import Integers

DRAWS = 200


def drawn(classes: int, rows: int, seed: int) -> tuple[Integers, Integers, NDArray[np.float64]]:
    """Labels, predictions, and the recall that the class of each row has in truth."""
    stream = np.random.default_rng(seed)
    recalls = stream.uniform(0.4, 0.8, classes)
    labels = np.repeat(np.arange(classes), rows)
    right = stream.random(len(labels)) < recalls[labels]
    return labels, np.where(right, labels, (labels + 1) % classes), recalls


@pytest.mark.parametrize(("classes", "rows"), [(10, 1), (10, 2), (10, 3), (5, 6), (40, 1)])
@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_classes_with_few_rows_have_intervals_that_cover(classes: int, rows: int, metric: str) -> None:
    covered = []
    for seed in range(DRAWS):
        labels, predictions, recalls = drawn(classes, rows, seed)
        found = two_way_bootstrap(
            predictions[None],
            labels,
            np.random.default_rng(seed),
            classes=classes,
            class_counts=np.full(classes, 10 * rows),
            resamples=300,
        )[metric].interval
        covered.append(found.low <= recalls.mean() <= found.high)
    assert fmean(covered) >= 0.92


def test_a_look_at_classes_with_few_rows_has_bounds_that_cover() -> None:
    covered = []
    for seed in range(DRAWS):
        labels, predictions, recalls = drawn(10, 2, seed)
        right = np.bincount(labels[predictions == labels], minlength=10)
        bounds = balanced_accuracy_bounds(Told((2,) * 10, tuple(right.tolist()), seeds=1))
        assert bounds is not None
        covered.append(bounds.single.low <= recalls.mean() <= bounds.single.high)
    assert fmean(covered) >= 0.92


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_equal_models_are_seldom_told_apart_by_few_rows_of_many_classes(metric: str) -> None:
    better = []
    for seed in range(DRAWS):
        stream = np.random.default_rng(seed)
        labels = np.repeat(np.arange(10), 2)
        models = np.where(stream.random((2, 20)) < 0.6, labels, (labels + 1) % 10)
        a, b = resample(
            [models[:1], models[1:]],
            labels,
            metric,
            np.random.default_rng(seed),
            classes=10,
            class_counts=np.full(10, 20),
            resamples=300,
        )
        values = [
            two_way_bootstrap(each[None], labels, stream, classes=10, resamples=2)[metric] for each in models
        ]
        found = between_rows(a, b, [values[0].value], [values[1].value])
        better.append(found.p_value < 0.05)
    assert fmean(better) <= 0.05


def test_a_single_class_with_few_rows_is_not_drawn() -> None:
    stream = np.random.default_rng(0)
    assert class_weights(stream, np.array([100, 1, 0]), 5) is None
    weights = class_weights(stream, np.array([100, 1, 0, FEW_ROWS - 1]), 4000)
    assert weights is not None
    assert (weights[:, [0, 2]] == 1).all()
    assert weights[:, [1, 3]].sum(axis=1) == pytest.approx(2)


def numbers(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Integers]:
    stream = np.random.default_rng(seed)
    return stream.normal(size=(2, rows)), np.zeros(rows), np.zeros(rows, np.int64)


@pytest.mark.parametrize("rows", [3, 5, 10, 30])
def test_intervals_of_few_numbers_cover(rows: int) -> None:
    covered = []
    for seed in range(DRAWS):
        predictions, targets, bins = numbers(rows, seed)
        found = bootstrap_numbers(
            predictions[:1], targets, bins, np.random.default_rng(seed), count=1, resamples=300
        )["mae"].interval
        covered.append(found.low <= np.sqrt(2 / np.pi) <= found.high)
    assert fmean(covered) >= 0.9


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_equal_models_are_seldom_told_apart_by_few_numbers(rows: int) -> None:
    better = []
    for seed in range(DRAWS):
        predictions, targets, bins = numbers(rows, seed)
        models = [each[None] for each in predictions]
        stream = np.random.default_rng(seed)
        draws = resample_numbers(models, targets, bins, "mae", stream, count=1, resamples=300)
        values = [[float(np.abs(each).mean())] for each in models]
        a, b = (ResampledMetric(each, each) for each in draws)
        found = between_rows(a, b, *values, rows=rows)
        better.append(found.p_value < 0.05)
    assert fmean(better) <= 0.08


def test_a_sweep_of_equal_regressions_on_few_rows_has_no_losers() -> None:
    losers = []
    for seed in range(DRAWS // 2):
        stream = np.random.default_rng(seed)
        predictions = [stream.normal(size=(1, 4)) for _ in range(6)]
        values = sorted((float(np.abs(each).mean()), k) for k, each in enumerate(predictions))
        of = CandidatePredictions(
            predictions=[predictions[k] for _, k in values],
            labels=np.zeros(4, np.int64),
            targets=np.zeros(4),
            classes=1,
            class_counts=None,
            stratify=False,
            quantiles=[0.5] * 6,
        )
        found = compare_on_rows([[value] for value, _ in values], of, "mae")
        losers.append(not found.against_best.top.all())
    assert fmean(losers) <= 0.08


def test_a_single_row_has_a_value_and_no_interval() -> None:
    predictions, targets, bins = numbers(1, 0)
    assert bootstrap_numbers(predictions, targets, bins, np.random.default_rng(0), count=1) == {}
    measured = measured_numbers(predictions, targets, bins)
    assert measured["mae"] == measured["bin_0"] == pytest.approx(np.abs(predictions).mean())


@pytest.mark.parametrize("metric", ["nll", "brier"])
def test_probabilities_of_two_rows_tell_no_models_apart(metric: str) -> None:
    a, b = np.array([[0.9, 0.91]]), np.array([[0.8, 0.811]])
    found = between_scores(metric, a, b, np.array([0, 1]), [0.1], [0.22])
    assert found.p_value > 0.001


def test_a_loss_of_few_rows_has_an_interval_as_wide_as_student_s() -> None:
    score, labels = np.array([0.5, 0.6, 0.9], np.float32), np.array([0, 1, 0], np.uint8)
    results = RowResults(np.arange(3, dtype=np.uint32), labels, labels, score, score)
    found = bootstrap_scores([results], np.random.default_rng(0), classes=2)["nll"].interval
    deviation = float(np.std(-np.log(score), ddof=1)) / np.sqrt(3)
    assert found.high - found.low > 2 * 3.5 * deviation * 0.6
