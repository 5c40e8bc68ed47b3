"""The confusion matrix, and every figure that follows from it alone.

Rows are the true classes, columns the predicted ones: C_ij counts the examples of class i called j.
A class absent from the rows evaluated has no accuracy and no F1: null, never 0, and no part in a mean.
"""

import math
from dataclasses import dataclass
from operator import mul
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers

Confusion = NDArray[np.int64]


@dataclass(frozen=True)
class ClassFigures:
    """What one class, `index`, got: `correct` of its `support` rows.

    accuracy: its recall, C_kk / C_k.; one-vs-rest accuracy would flatter a rare class. Null without support.
    precision: C_kk / C_.k. Null where the class is never predicted (scikit-learn warns, and says 0).
    f1: 2 C_kk / (C_k. + C_.k), so 0 for a class that is present and never hit. Null without support.
    """

    index: int
    support: int
    correct: int
    accuracy: float | None
    precision: float | None
    f1: float | None


def confusion_matrix(labels: Integers, predictions: Integers, classes: int) -> Confusion:
    """C, shape (classes, classes), of labels and predictions (N,), each in [0, classes)."""
    cells = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.reshape(classes, classes)


def per_class(confusion: Confusion) -> list[ClassFigures]:
    """The figures of each class, in the order of the classes."""
    columns = {name: lists[0] for name, lists in figures_per_class(confusion[None]).items()}
    rows = zip(*columns.values(), strict=True)
    return [ClassFigures(index, **dict(zip(columns, row, strict=True))) for index, row in enumerate(rows)]


def figures_per_class(confusions: Confusion) -> dict[str, list[list[Any]]]:
    """The same of many matrices (E, K, K), by the name of the figure: E lists in class order.

    At once, because one at a time took half of what storing an epoch takes.
    """
    correct, support, predicted = _margins(confusions)
    columns = {
        "support": support,
        "correct": correct,
        "accuracy": _ratios(correct, support, support),
        "precision": _ratios(correct, predicted, predicted),
        "f1": _ratios(2 * correct, support + predicted, support),
    }
    return {name: column.tolist() for name, column in columns.items()}


@dataclass(frozen=True)
class Margins:
    """All that the summary metrics need of C, in Python's integers, for K classes.

    correct: C_kk; support: C_k., the rows of class k; predicted: C_.k, the rows called k.
    """

    correct: list[int]
    support: list[int]
    predicted: list[int]

    @staticmethod
    def of(confusion: Confusion) -> "Margins":
        return Margins(*(counts.tolist() for counts in _margins(confusion)))


def accuracy(margins: Margins) -> float:
    """sum_k C_kk / N, C_ij rows of class i predicted as j: the share of correct predictions.

    Oracle: sklearn.metrics.accuracy_score.
    """
    return sum(margins.correct) / sum(margins.support)


def balanced_accuracy(margins: Margins) -> float:
    """Mean recall C_kk / C_k. over the classes present. Oracle: sklearn.metrics.balanced_accuracy_score."""
    classes = zip(margins.correct, margins.support, strict=True)
    return fmean(correct / support for correct, support in classes if support)


def macro_f1(margins: Margins) -> float:
    """Mean F1, 2 C_kk / (C_k. + C_.k), over the classes present.

    Rows predicted as an absent class lower the recall of their own class.

    Oracle: sklearn.metrics.f1_score(y, predicted, labels=numpy.unique(y), average="macro").
    """
    classes = zip(margins.correct, margins.support, margins.predicted, strict=True)
    return fmean(2 * correct / (support + predicted) for correct, support, predicted in classes if support)


def mcc(margins: Margins) -> float:
    """(N sum_k C_kk - sum_k C_k. C_.k) / sqrt((N^2 - sum_k C_k.^2) (N^2 - sum_k C_.k^2)): Matthews correlation.

    0 where it is undefined: one class only, true or predicted.

    Source: Gorodkin 2004, Comparing two K-category assignments by a K-category correlation coefficient.
    Oracle: sklearn.metrics.matthews_corrcoef.
    """
    support, predicted = margins.support, margins.predicted
    rows = sum(support)
    covariance = rows * sum(margins.correct) - _dot(support, predicted)
    # Python's integers: the product of the two variances passes 2^63 from 50,000 rows on.
    variances = (rows**2 - _dot(support, support)) * (rows**2 - _dot(predicted, predicted))
    return covariance / math.sqrt(variances) if variances else 0.0


def _dot(a: list[int], b: list[int]) -> int:
    return sum(map(mul, a, b))


def _margins(confusion: Confusion) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Correct, support and predicted counts per class, each (K,); (E, K) of matrices (E, K, K)."""
    return np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2)


def _ratios(part: NDArray[Any], whole: NDArray[Any], measured: NDArray[Any]) -> NDArray[Any]:
    """part / whole, but None where nothing was measured."""
    ratios: NDArray[Any] = np.where(measured > 0, part / np.maximum(whole, 1), np.array(None))
    return ratios
