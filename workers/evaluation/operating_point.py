"""Operating points: the threshold on the score of one of two classes, chosen on validation rows.

A row is called positive if its score is at least the threshold. Candidates lie halfway between neighbouring distinct
scores, and beyond both ends, where no row or every row is called positive.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import METRICS, Metric, WeightedMargins
from workers.evaluation.ranking import Booleans, Floats

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, and what it reaches on the rows that chose it: the metric, or the mean cost of a row."""

    threshold: float
    value: float


def positive_f1(m: WeightedMargins) -> Matrix:
    """F1 of the positive class, the second; 0 if no row is of it or called so."""
    both = (m.support + m.predicted)[..., 1]
    return np.divide(2 * m.correct[..., 1], both, out=np.zeros_like(both), where=both > 0)


OBJECTIVES: Mapping[str, Metric] = {"f1": positive_f1, **METRICS}
"""What a threshold can maximise."""


def value_of(objective: str, matrix: Matrix) -> float:
    """One of OBJECTIVES of a confusion matrix (2, 2), rows true, negative before positive."""
    return float(OBJECTIVES[objective](_margins(matrix[None].astype(np.float64)))[0])


def maximising(objective: str, scores: Floats, positive: Booleans) -> OperatingPoint:
    """The threshold with the largest value of one of OBJECTIVES; of equal ones, the one nearest to 1/2.

    scores, positive: (N,), of at least one row.
    """
    formula = OBJECTIVES[objective]
    return _best(scores, positive, lambda matrices: -np.asarray(formula(_margins(matrices))), sign=-1)


def minimising_cost(cost: Matrix, scores: Floats, positive: Booleans) -> OperatingPoint:
    """The threshold with the smallest mean cost of a row.

    cost: (2, 2), of a row of class i that is called j, negative before positive. For calibrated scores it tends to
    (c_01 - c_00) / (c_01 - c_00 + c_10 - c_11). Source: Elkan 2001, The foundations of cost-sensitive learning.
    """
    return _best(scores, positive, lambda matrices: (matrices * cost).sum((1, 2)) / len(scores), sign=1)


def _best(
    scores: Floats, positive: Booleans, loss: Callable[[Matrix], Matrix], *, sign: int
) -> OperatingPoint:
    thresholds, matrices = _candidates(scores, positive)
    losses = loss(matrices)
    tied = np.flatnonzero(losses <= losses.min() + 1e-12)
    chosen = tied[np.abs(thresholds[tied] - 0.5).argmin()]
    return OperatingPoint(float(thresholds[chosen]), sign * float(losses[chosen]))


def _candidates(scores: Floats, positive: Booleans) -> tuple[Matrix, Matrix]:
    """Thresholds (T,), ascending, and the confusion matrices (T, 2, 2) at each: rows true, negative first."""
    values, first = np.unique(scores.astype(np.float64), return_inverse=True)
    of_value = np.stack([np.bincount(first, ~positive), np.bincount(first, positive)])
    below = np.concatenate([np.zeros((2, 1)), np.cumsum(of_value, axis=1)], axis=1)
    middles = (values[:-1] + values[1:]) / 2
    thresholds = np.concatenate([[min(0.0, float(values[0]))], middles, [np.nextafter(values[-1], np.inf)]])
    matrices = np.stack([below, below[:, -1:] - below], axis=1)
    return thresholds, np.moveaxis(matrices, 2, 0)


def _margins(matrices: Matrix) -> WeightedMargins:
    return WeightedMargins(
        np.diagonal(matrices, axis1=1, axis2=2).copy(), matrices.sum(axis=2), matrices.sum(axis=1)
    )
