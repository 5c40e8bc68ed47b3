"""The influence of a row is the derivative of a metric by the weight of the row, as scikit-learn weights rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from workers.evaluation.bootstrap import METRICS
from workers.evaluation.influence import influences
from workers.evaluation.row_results import RowPredictions, RowResults

STEP = 1e-5


def results(classes: int = 2, rows: int = 30, ties: bool = False) -> tuple[RowResults, Any]:
    """Row-level results, and the probabilities that they are of."""
    generator = np.random.default_rng(classes)
    labels = np.concatenate([np.arange(classes), generator.integers(classes, size=rows - classes)])
    logits = generator.standard_normal((rows, classes)) + np.eye(classes)[labels]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if ties:
        first = np.clip(np.round(p[:, 0] * 8), 1, 7) / 8  # exact in single precision
        p = np.stack([first, 1 - first], axis=1)
    true = p[np.arange(rows), labels]
    predicted = RowPredictions.of(p.argmax(axis=1), -np.log(true), p.max(axis=1), classes)
    return RowResults.of(predicted, np.arange(rows), labels, classes), p


def derivative(metric: Callable[[Any], float], rows: int) -> Any:
    """Of a metric of the rows' weights, at equal weights, by each of them."""
    found = np.empty(rows)
    for row in range(rows):
        more, less = np.ones(rows), np.ones(rows)
        more[row] += STEP
        less[row] -= STEP
        found[row] = rows * (metric(more) - metric(less)) / (2 * STEP)
    return found


ORACLES: dict[str, Callable[[Any, Any, Any, Any], float]] = {
    "accuracy": lambda y, p, w, _: sklearn.accuracy_score(y, p, sample_weight=w),
    "balanced_accuracy": lambda y, p, w, _: sklearn.recall_score(y, p, average="macro", sample_weight=w),
    "macro_f1": lambda y, p, w, _: sklearn.f1_score(y, p, average="macro", sample_weight=w),
    "mcc": lambda y, p, w, _: sklearn.matthews_corrcoef(y, p, sample_weight=w),
    "cohen_kappa": lambda y, p, w, _: sklearn.cohen_kappa_score(y, p, sample_weight=w),
    "nll": lambda y, _, w, scores: sklearn.log_loss(y, scores, sample_weight=w),
    "auroc": lambda y, _, w, scores: sklearn.roc_auc_score(y, scores[:, 1], sample_weight=w),
    "average_precision": lambda y, _, w, scores: np.mean(
        [sklearn.average_precision_score(y == k, scores[:, k], sample_weight=w) for k in (0, 1)]
    ),
    "brier": lambda y, _, w, scores: 2 * sklearn.brier_score_loss(y, scores[:, 1], sample_weight=w),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", ORACLES)
def test_it_is_the_derivative_of_scikit_learn_s_metric(name: str, ties: bool) -> None:
    found, scores = results(ties=ties)
    labels = found.labels.astype(int)
    expected = derivative(lambda w: ORACLES[name](labels, found.predicted, w, scores), len(labels))
    assert influences(found, 2).metrics[name] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("classes", [2, 4])
def test_influences_add_up_to_0(classes: int) -> None:
    found, _ = results(classes)
    measured = influences(found, classes)
    assert set(METRICS) < set(measured.metrics)
    assert ("auroc" in measured.metrics) == (classes == 2)
    for influence in measured.metrics.values():
        assert influence.sum() == pytest.approx(0, abs=1e-3)
    for k in range(classes):
        mine = found.labels == k
        recall = (found.predicted == found.labels)[mine].mean()
        assert measured.own_class[mine].sum() == pytest.approx(0, abs=1e-9)
        variance = recall * (1 - recall) / mine.sum()
        assert (measured.own_class[mine] ** 2).sum() / len(mine) ** 2 == pytest.approx(variance)


def test_a_collapsed_model_has_finite_influences() -> None:
    labels, ones = np.array([0, 0, 1]), np.full(3, 0.7)
    predicted = RowPredictions.of(np.zeros(3, np.int64), -np.log(ones), ones, 2)
    measured = influences(RowResults.of(predicted, np.arange(3), labels, 2), 2)
    assert all(np.isfinite(each).all() for each in measured.metrics.values())
    assert measured.metrics["mcc"] == pytest.approx(np.zeros(3))


def test_of_a_collapsed_model_rounding_is_no_influence_on_mcc() -> None:
    """What is left of n^2 - sum p^2 has been taken for a variance."""
    labels = np.repeat([0, 1], [13_498, 2])
    predicted = RowPredictions.of(np.zeros(13_500, np.int64), np.ones(13_500), np.full(13_500, 0.7), 2)
    measured = influences(RowResults.of(predicted, np.arange(13_500), labels, 2), 2)
    assert not measured.metrics["mcc"].any()


def test_of_a_regression_it_is_the_derivative_too() -> None:
    generator = np.random.default_rng(0)
    targets = generator.standard_normal(40)
    predictions = targets + 0.4 * generator.standard_normal(40)
    losses = (predictions - targets) ** 2 / 2
    of_rows = RowPredictions.of_numbers(predictions, losses)
    bins = (targets > 0).astype(np.int64)
    measured = influences(RowResults.of(of_rows, np.arange(40), bins, 2, targets), 2, quantile=0.3)
    oracles: dict[str, Callable[[Any], float]] = {
        "mse": lambda w: sklearn.mean_squared_error(targets, predictions, sample_weight=w),
        "rmse": lambda w: sklearn.root_mean_squared_error(targets, predictions, sample_weight=w),
        "mae": lambda w: sklearn.mean_absolute_error(targets, predictions, sample_weight=w),
        "r2": lambda w: sklearn.r2_score(targets, predictions, sample_weight=w),
        "pinball": lambda w: sklearn.mean_pinball_loss(targets, predictions, sample_weight=w, alpha=0.3),
        "loss": lambda w: float(np.average(losses, weights=w)),
    }
    assert set(oracles) == set(measured.metrics)
    for name, oracle in oracles.items():
        assert measured.metrics[name] == pytest.approx(derivative(oracle, 40), abs=1e-4), name
    errors = np.abs(predictions - targets)
    assert measured.own_class[bins == 1] == pytest.approx(
        (errors - errors[bins == 1].mean())[bins == 1] * 40 / bins.sum()
    )
