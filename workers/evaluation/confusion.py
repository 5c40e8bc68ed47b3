"""The confusion matrix, and what metrics take of it: its diagonal and its margins.

Rows are the true classes, columns the predicted ones: C_ij counts the rows of class i that are predicted as class j.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers

Confusion = NDArray[np.int64]


def confusion_matrix(labels: Integers, predictions: Integers, classes: int) -> Confusion:
    """C, shape (classes, classes), of labels and predictions (N,), each in [0, classes)."""
    cells = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.reshape(classes, classes)


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Counts of rows per class, each (K,); (E, K) of matrices (E, K, K).

    correct: C_kk; support: C_k., the rows of class k; predicted: C_.k, the rows predicted as class k.
    """

    correct: NDArray[np.int64]
    support: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @staticmethod
    def of(confusion: Confusion) -> "ClassCounts":
        diagonal = confusion.diagonal(0, -2, -1)
        return ClassCounts(diagonal, np.add.reduce(confusion, axis=-1), np.add.reduce(confusion, axis=-2))


@dataclass(frozen=True)
class Margins:
    """The counts of one matrix as Python integers, which do not overflow, in lists of length K."""

    correct: list[int]
    support: list[int]
    predicted: list[int]

    @staticmethod
    def of(confusion: Confusion) -> "Margins":
        counts = ClassCounts.of(confusion)
        return Margins(counts.correct.tolist(), counts.support.tolist(), counts.predicted.tolist())
