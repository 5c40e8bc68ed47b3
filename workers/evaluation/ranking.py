"""How well scores rank rows: the areas under the ROC and the precision-recall curve, of one class against the rest.

Larger scores speak for the class; only their order matters. If all rows are of one kind there is nothing to rank, and
no area (scikit-learn returns 0 for average precision and NaN for AUROC).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn import kernels
from workers.nn.arrays import Array, Integers
from workers.nn.kernels.contract import Kernels

Floats = NDArray[np.floating[Any]]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Areas:
    """Of each class against the rest, (K,); NaN for a class that has no row, or all of them.

    auroc: the share of pairs (row of the class, other row) that the scores order rightly; a tie counts one half. That
    is the area under the receiver operating characteristic. Source: Hanley & McNeil 1982.
    average_precision: sum_i (R_i - R_{i-1}) P_i over the distinct scores from the largest down, with recall R_i and
    precision P_i; tied rows are one step, and steps are not interpolated.
    """

    auroc: NDArray[np.float64]
    average_precision: NDArray[np.float64]

    @staticmethod
    def empty(classes: int) -> "Areas":
        """For a kernel to fill."""
        return Areas(np.empty(classes), np.empty(classes))


@dataclass(frozen=True, eq=False)
class RowsByClass:
    """The rows of each class: order (N,) has the rows in the order of their classes, those of class k from starts[k]
    on. labels (N,): the class of each row.
    """

    labels: Integers
    order: Integers
    starts: Integers

    @staticmethod
    def of(labels: Integers, classes: int) -> "RowsByClass":
        order = np.argsort(
            labels.astype(np.min_scalar_type(classes)), kind="stable"
        )  # few bits: a radix sort
        starts = np.searchsorted(labels, np.arange(classes + 1), sorter=order).astype(np.int64)
        return RowsByClass(np.ascontiguousarray(labels, np.int64), order[: starts[-1]], starts)


def areas(scores: Array, by_class: RowsByClass, kernel: Kernels | None = None) -> Areas:
    """The areas for the scores (K, N) of K classes. kernel: by default that of the process.

    Oracle: sklearn.metrics.roc_auc_score, average_precision_score.
    """
    found, kernel = Areas.empty(len(scores)), kernel or kernels.current()
    grouped = by_class.labels, by_class.starts, by_class.order
    kernel.areas(*grouped, scores, found.auroc, found.average_precision)
    return found


def auroc(scores: Floats, positive: Booleans) -> float | None:
    """The AUROC of scores (N,) for rows that are `positive` (N,) or not."""
    return macro(_areas_of_one(scores, positive).auroc.tolist())


def average_precision(scores: Floats, positive: Booleans) -> float | None:
    """The average precision of scores (N,) for rows that are `positive` (N,) or not."""
    return macro(_areas_of_one(scores, positive).average_precision.tolist())


def macro(values: Sequence[float]) -> float | None:
    """The mean over the classes that have a value; None if all are NaN."""
    total = math.fsum(values)
    if not math.isnan(total):
        return total / len(values)
    measured = [value for value in values if not math.isnan(value)]
    return math.fsum(measured) / len(measured) if measured else None


def _areas_of_one(scores: Floats, positive: Booleans) -> Areas:
    """By NumPy: the API, which draws curves of two classes, does not load the compiled kernels (66 MB)."""
    from workers.nn.kernels import reference

    return areas(np.ascontiguousarray(scores[None]), RowsByClass.of(np.where(positive, 0, 1), 1), reference)
