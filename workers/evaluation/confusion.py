"""The confusion matrix, and every figure that follows from it alone.

Rows are the true classes, columns the predicted ones: C_ij counts the examples of class i called j.
A class absent from the rows evaluated has no accuracy and no F1: null, never 0, and no part in a mean.
"""

import math
from dataclasses import dataclass
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
    rows = zip(*(margin.tolist() for margin in _margins(confusion)), strict=True)
    return [
        ClassFigures(
            index=index,
            support=support,
            correct=correct,
            accuracy=_ratio(correct, support),
            precision=_ratio(correct, predicted),
            f1=_ratio(2 * correct, support + predicted) if support else None,
        )
        for index, (correct, support, predicted) in enumerate(rows)
    ]


def accuracy(confusion: Confusion) -> float:
    """The share of rows predicted correctly. Oracle: sklearn.metrics.accuracy_score."""
    return float(np.trace(confusion) / confusion.sum())


def balanced_accuracy(confusion: Confusion) -> float:
    """Mean recall over the classes present. Oracle: sklearn.metrics.balanced_accuracy_score."""
    correct, support, _ = _margins(confusion)
    present = support > 0
    return float((correct[present] / support[present]).mean())


def macro_f1(confusion: Confusion) -> float:
    """Mean F1 over the classes present; rows wrongly called an absent class cost their own class recall.

    Oracle: sklearn.metrics.f1_score(y, predicted, labels=numpy.unique(y), average="macro").
    """
    correct, support, predicted = _margins(confusion)
    present = support > 0
    return float((2 * correct[present] / (support + predicted)[present]).mean())


def mcc(confusion: Confusion) -> float:
    """Matthews correlation for several classes; 0 where undefined: one class only, true or predicted.

    Source: Gorodkin 2004, Comparing two K-category assignments by a K-category correlation coefficient.
    Oracle: sklearn.metrics.matthews_corrcoef.
    """
    correct, support, predicted = _margins(confusion)
    rows = int(support.sum())
    covariance = rows * int(correct.sum()) - int(support @ predicted)
    # Python's integers: the product of the two variances passes 2^63 from 50,000 rows on.
    variances = (rows**2 - int(support @ support)) * (rows**2 - int(predicted @ predicted))
    return covariance / math.sqrt(variances) if variances else 0.0


def _margins(confusion: Confusion) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Correct, support and predicted counts per class, each (K,)."""
    return np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
