"""Metrics of each class, from the confusion matrices of many evaluations at once.

At once, because one matrix at a time took half of the time that it takes to store an epoch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.confusion import ClassCounts, Confusion

Values = NDArray[Any]
"""Floats, or None for a class without a value; the shape of the counts."""


@dataclass(frozen=True, eq=False)
class ClassMetric:
    """A metric of each class, in [0, 1]; larger is better. Fields as at `Metric`."""

    name: str
    formula: Callable[[ClassCounts], Values]
    always_stored: bool
    null_if: str


def class_metric(
    *, null_if: str, always_stored: bool = False
) -> Callable[[Callable[[ClassCounts], Values]], ClassMetric]:
    """Declare the decorated formula as a metric of each class, with the name of the function."""
    return lambda formula: ClassMetric(formula.__name__, formula, always_stored, null_if)


NO_ROWS = "the part has no rows of the class"


@class_metric(null_if=NO_ROWS, always_stored=True)
def accuracy(counts: ClassCounts) -> Values:
    """Recall C_kk / C_k. of the class; one-vs-rest accuracy would flatter a rare class.

    Oracle: sklearn.metrics.recall_score(average=None).
    """
    return _ratio(counts.correct, counts.support, measured=counts.support)


@class_metric(null_if="the class is never predicted", always_stored=True)
def precision(counts: ClassCounts) -> Values:
    """Share C_kk / C_.k of the rows predicted as the class that are of the class.

    Oracle: sklearn.metrics.precision_score(average=None), which warns and returns 0 for a class never predicted.
    """
    return _ratio(counts.correct, counts.predicted, measured=counts.predicted)


@class_metric(null_if=NO_ROWS, always_stored=True)
def f1(counts: ClassCounts) -> Values:
    """F1 of the class: 2 C_kk / (C_k. + C_.k), so 0 for a class that has rows and is never hit.

    Oracle: sklearn.metrics.f1_score(average=None).
    """
    return _ratio(2 * counts.correct, counts.support + counts.predicted, measured=counts.support)


@class_metric(null_if="the part has rows of this class only")
def specificity(counts: ClassCounts) -> Values:
    """Share TN / (TN + FP) of the rows of other classes that are not predicted as the class.

    FP = C_.k - C_kk, TN + FP = N - C_k. With many classes it is close to 1 even for a poor model.
    Oracle: sklearn.metrics.recall_score(y != k, predicted != k).
    """
    others = counts.support.sum(axis=-1, keepdims=True) - counts.support
    return _ratio(others - (counts.predicted - counts.correct), others, measured=others)


CLASS_METRICS = (accuracy, precision, f1, specificity)


def metrics_per_class(confusions: Confusion) -> dict[str, list[Any]]:
    """`support`, and each metric by its name, of matrices (..., K, K): lists in the order of the classes."""
    counts = ClassCounts.of(confusions)
    values = {metric.name: metric.formula(counts).tolist() for metric in CLASS_METRICS}
    return {"support": counts.support.tolist()} | values


def _ratio(part: Values, whole: Values, *, measured: Values) -> Values:
    """part / whole, and None for a class with nothing measured."""
    ratios: Values = np.where(measured > 0, part / np.maximum(whole, 1), np.array(None))
    return ratios
