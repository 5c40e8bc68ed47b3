"""The error of a difference over rows is that of drawing the rows one by one."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.score_differences import between_scores, is_known

Floats = NDArray[np.float64]
LABELS = np.repeat([0, 1], [220, 80])


def probabilities(skill: float, seed: int) -> Floats:
    """Of the true class (3, N), of three seeds."""
    generator = np.random.default_rng(seed)
    own = generator.normal(size=len(LABELS)) + generator.normal(0, 0.5, (3, len(LABELS)))
    return np.asarray(1 / (1 + np.exp(-(own + skill))))


def nll(scores: Floats, labels: NDArray[np.int64]) -> float:
    return float(-np.log(scores).mean())


def brier(scores: Floats, labels: NDArray[np.int64]) -> float:
    both = np.stack([scores, 1 - scores])
    return float(((both - [[1], [0]]) ** 2).sum(axis=0).mean())


def auroc(scores: Floats, labels: NDArray[np.int64]) -> float:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    return float(metrics.roc_auc_score(labels, np.where(labels == 1, scores, 1 - scores)))


@pytest.mark.parametrize(
    "metric", [nll, brier, pytest.param(auroc, marks=pytest.mark.thorough)], ids=lambda each: each.__name__
)
def test_the_error_over_rows_is_that_of_drawing_rows(metric: Callable[..., float]) -> None:
    a, b = probabilities(1.0, 1), probabilities(0.5, 2)
    generator, drawn = np.random.default_rng(3), []
    for _ in range(500):
        rows = generator.integers(0, len(LABELS), len(LABELS))
        of_a, of_b = ([metric(each[rows], LABELS[rows]) for each in side] for side in (a, b))
        drawn.append(np.mean(of_a) - np.mean(of_b))
    values = [[metric(each, LABELS) for each in side] for side in (a, b)]
    found = between_scores(metric.__name__, a, b, LABELS, *values)
    assert found.value == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert found.row_error == pytest.approx(np.std(drawn), rel=0.12)
    spread = np.std(np.subtract(values[0], values[1]), ddof=1)
    assert found.repetition_error == pytest.approx(spread / math.sqrt(3))
    assert found.degrees_of_freedom == 2


@pytest.mark.parametrize("metric", ["nll", "brier", "auroc"])
def test_equal_models_differ_by_nothing(metric: str) -> None:
    a = probabilities(1.0, 1)
    found = between_scores(metric, a, a, LABELS, [0.5] * 3, [0.5] * 3)
    assert (found.value, found.row_error) == (0, 0)
    assert found.p_value == pytest.approx(1)


def test_a_probability_of_0_is_finite_and_one_row_of_a_class_shows_no_difference() -> None:
    a, b = probabilities(1.0, 1), probabilities(0.5, 2)
    a[:, 0] = 0
    assert math.isfinite(between_scores("nll", a, b, LABELS, [1.0] * 3, [0.5] * 3).row_error)
    labels = np.arange(len(LABELS)) == 7
    found = between_scores("auroc", a, b, labels.astype(np.int64), [1.0] * 3, [0.5] * 3)
    assert found.p_value == pytest.approx(1)


def test_more_than_two_classes_leave_the_nll() -> None:
    assert [is_known(metric, 3) for metric in ("nll", "brier", "auroc", "ece")] == [True, False, False, False]
    assert [is_known(metric, 2) for metric in ("nll", "brier", "auroc", "ece")] == [True, True, True, False]
