"""Baselines: the accuracy of the majority class and of a linear model, which a network has to beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.confusion import Confusion, Margins, confusion_matrix
from workers.evaluation.intervals import Interval, wilson
from workers.evaluation.metrics.from_confusion import accuracy, balanced_accuracy
from workers.nn.arrays import Array, Integers, mean
from workers.nn.output_layers import log_softmax
from workers.nn.softmax_regression import linear_logits

ROWS = 10_000
"""Training rows that the linear baseline is fitted to, at most; fewer if there are many features."""
CELLS = 8_000_000
"""Features times rows, at most: bounds memory and time."""
ITERATIONS = 50
PENALTIES = (1e-2, 1e-3, 1e-4)
"""The l2 that the linear baseline tries on training rows, the strongest first."""


@dataclass(frozen=True)
class Baseline:
    """A reference on one part of a data set. interval: Wilson's, of the accuracy.

    predicted_class: if the baseline always predicts the same class.
    """

    name: str
    accuracy: float
    balanced_accuracy: float
    interval: Interval | None
    predicted_class: int | None = None


def majority_baseline(training_counts: Integers, part_counts: Integers) -> Baseline:
    """Always predict the most frequent training class (at a tie the first), on a part with `part_counts` (K,).

    Oracle: sklearn.dummy.DummyClassifier(strategy="most_frequent").
    """
    predicted = int(np.argmax(training_counts))
    confusion = np.zeros((len(part_counts), len(part_counts)), np.int64)
    confusion[:, predicted] = part_counts
    return _baseline("majority", confusion, predicted)


def linear_baseline(
    features: Array, labels: Integers, part_features: Array, part_labels: Integers, *, classes: int
) -> Baseline:
    """Softmax regression on scaled training features (n, d), evaluated on a part (m, d).

    Fitted to about 10,000 rows at most, in proportion to the classes, within 50 iterations, with the penalty
    that suits these training rows: a reference that is deterministic and takes seconds, not the last decimal.
    """
    rows = baseline_rows(labels, features.shape[1])
    x, y = features[rows], labels[rows]
    weight, bias = fit_softmax_regression(x, y, classes=classes, l2=choose_penalty(x, y, classes=classes))
    predictions = linear_logits(part_features, weight, bias).argmax(axis=1)
    return _baseline("linear", confusion_matrix(part_labels, predictions, classes))


def baseline_rows(labels: Integers, features: int) -> NDArray[np.intp]:
    """The training rows that the linear baseline is fitted to, given `labels` (n,) and the number of features."""
    return stratified_rows(labels, min(ROWS, CELLS // features))


def stratified_rows(labels: Integers, limit: int) -> NDArray[np.intp]:
    """About `limit` rows, ascending: evenly spaced among the rows ordered by class.

    Each class keeps its share, and its first row in any case.
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    by_class = np.argsort(labels, kind="stable")
    evenly_spaced = np.linspace(0, len(labels) - 1, limit).astype(np.intp)
    _, first_of_class = np.unique(labels, return_index=True)
    return np.union1d(by_class[evenly_spaced], first_of_class)


def choose_penalty(features: Array, labels: Integers, *, classes: int) -> float:
    """The l2 of PENALTIES with the smallest NLL on a fifth of the rows (of each class), fitted to the others.

    It tries them from the strongest on, until a weaker one does no better. The validation part is not used.
    Oracle: sklearn.linear_model.LogisticRegression and sklearn.metrics.log_loss, on the same fifth.
    """
    by_class = np.argsort(labels, kind="stable")
    held_back, rest = by_class[2::5], np.delete(by_class, np.s_[2::5])
    chosen, smallest = PENALTIES[0], np.inf
    for l2 in PENALTIES if len(held_back) else ():
        weight, bias = fit_softmax_regression(features[rest], labels[rest], classes=classes, l2=l2)
        loss = _mean_nll(log_softmax(linear_logits(features[held_back], weight, bias)), labels[held_back])
        if loss >= smallest:
            break
        chosen, smallest = l2, loss
    return chosen


def fit_softmax_regression(
    features: Array,
    labels: Integers,
    *,
    classes: int,
    l2: float,
    iterations: int = ITERATIONS,
    tolerance: float = 1e-4,
) -> tuple[Array, Array]:
    """Minimise mean CE + l2/2 |W|^2 by L-BFGS until no slope exceeds `tolerance`: W (d, K), b (K,), float64.

    The bias is not penalised. Products are taken in the dtype of the features: float32 halves the time.
    Oracle: sklearn.linear_model.LogisticRegression with C = 1 / (l2 n), for K > 2.
    """
    from scipy.optimize import minimize

    rows, (n, d) = np.arange(len(features)), features.shape

    def objective(flat: Array) -> tuple[float, Array]:
        weight, bias = flat[: d * classes].reshape(d, classes), flat[d * classes :]
        log_p = log_softmax(linear_logits(features, weight, bias))
        residual = np.exp(log_p)
        residual[rows, labels] -= 1
        residual /= n
        gradient = np.concatenate([(features.T @ residual + l2 * weight).ravel(), residual.sum(axis=0)])
        return _mean_nll(log_p, labels) + l2 / 2 * float(np.vdot(weight, weight)), gradient

    options = {"maxiter": iterations, "gtol": tolerance, "ftol": 64 * np.finfo(np.float64).eps}
    start = np.zeros((d + 1) * classes)
    flat = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    return flat[: d * classes].reshape(d, classes), flat[d * classes :]


def _mean_nll(log_p: Array, labels: Integers) -> float:
    """The mean of -log p_y, from log-probabilities (N, K)."""
    return -mean(log_p[np.arange(len(labels)), labels])


def _baseline(name: str, confusion: Confusion, predicted_class: int | None = None) -> Baseline:
    margins = Margins.of(confusion)
    return Baseline(
        name,
        accuracy(margins),
        balanced_accuracy(margins),
        wilson(int(np.trace(confusion)), int(confusion.sum())),
        predicted_class,
    )
