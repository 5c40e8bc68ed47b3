"""Independent implementations of the metrics: those of scikit-learn, and definitions written out."""

from collections.abc import Callable
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.nn.arrays import Array, Integers

scipy_special = pytest.importorskip("scipy.special")
scipy_stats = pytest.importorskip("scipy.stats")
sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")


def probabilities(logits: Array) -> Array:
    p: NDArray[np.float64] = scipy_special.softmax(logits, axis=1)
    return p


def cross_entropy(labels: Integers, logits: Array, weights: Array | None = None) -> float:
    """The loss of these tests. weights: of each class."""
    of_rows = None if weights is None else weights[labels]
    classes = range(logits.shape[1])
    return float(sklearn.log_loss(labels, probabilities(logits), labels=classes, sample_weight=of_rows))


def ece(labels: Integers, logits: Array) -> float:
    """By a loop over the bins."""
    confidence, is_right = probabilities(logits).max(axis=1), logits.argmax(axis=1) == labels
    total = 0.0
    for low, high in pairwise(np.linspace(0, 1, 16)):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += abs(is_right[inside].mean() - confidence[inside].mean()) * inside.mean()
    return total


def recalls(labels: Integers, predictions: Integers) -> Array:
    """Of the classes present."""
    return np.asarray(sklearn.recall_score(labels, predictions, labels=np.unique(labels), average=None))


def one_against_rest(score: Callable[[Any, Array], float], labels: Integers, logits: Array) -> float | None:
    """The mean over the classes present; None if only one is."""
    classes, p = np.unique(labels), probabilities(logits)
    return fmean(score(labels == k, p[:, k]) for k in classes) if len(classes) > 1 else None


def top_k(k: int, labels: Integers, logits: Array) -> float | None:
    """None if there are no more than k classes."""
    classes = range(logits.shape[1])
    return sklearn.top_k_accuracy_score(labels, logits, k=k, labels=classes) if len(classes) > k else None


ORACLES: dict[str, Callable[[Integers, Array], float | None]] = {
    "loss": cross_entropy,
    "weighted_loss": cross_entropy,
    "accuracy": lambda y, z: sklearn.accuracy_score(y, z.argmax(axis=1)),
    "balanced_accuracy": lambda y, z: sklearn.balanced_accuracy_score(y, z.argmax(axis=1)),
    "macro_f1": lambda y, z: sklearn.f1_score(y, z.argmax(axis=1), labels=np.unique(y), average="macro"),
    "mcc": lambda y, z: sklearn.matthews_corrcoef(y, z.argmax(axis=1)),
    "cohen_kappa": lambda y, z: sklearn.cohen_kappa_score(y, z.argmax(axis=1), replace_undefined_by=0.0),
    "g_mean": lambda y, z: scipy_stats.gmean(recalls(y, z.argmax(axis=1))),
    "nll": cross_entropy,
    "brier": lambda y, z: sklearn.brier_score_loss(
        y, probabilities(z), labels=range(z.shape[1]), scale_by_half=False
    ),
    "ece": ece,
    "auroc": lambda y, z: one_against_rest(sklearn.roc_auc_score, y, z),
    "average_precision": lambda y, z: one_against_rest(sklearn.average_precision_score, y, z),
    "top_3_accuracy": lambda y, z: top_k(3, y, z),
    "top_5_accuracy": lambda y, z: top_k(5, y, z),
}
"""From labels (N,) and logits (N, K); None if there is no value. The loss is cross-entropy without class weights."""

NUMBER_ORACLES: dict[str, Callable[[Array, Array], float]] = {
    "rmse": sklearn.root_mean_squared_error,
    "mse": sklearn.mean_squared_error,
    "mae": sklearn.mean_absolute_error,
    "median_absolute_error": sklearn.median_absolute_error,
    "r2": sklearn.r2_score,
    "pinball": lambda y, z: sklearn.mean_pinball_loss(y, z, alpha=0.5),
}
"""Of metrics of a regression: targets and predictions (N,) to a value."""
