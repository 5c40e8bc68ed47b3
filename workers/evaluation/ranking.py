"""Metrics of how scores rank rows: AUROC, average precision, their curves, and DeLong's interval.

The functions take the scores (N,) of one class, and whether each row is of that class, (N,). Larger scores speak for
the class; only their order matters. If all rows are of one kind there is nothing to rank: the result is None
(scikit-learn returns 0 for average precision and NaN for AUROC).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.intervals import LEVEL, Interval, normal_quantile, wilson

Floats = NDArray[np.floating[Any]]
Booleans = NDArray[np.bool_]

CURVE_POINTS = 500
"""Points of a stored curve, at most: more than a chart can show."""


def auroc(scores: Floats, positive: Booleans) -> float | None:
    """The share of pairs (row of the class, other row) that the scores order rightly; a tie counts one half.

    Area under the receiver operating characteristic, by ranks: (R - P (P + 1) / 2) / (P Q), for P rows of the class
    with the sum of ranks R, and Q others. Source: Hanley & McNeil 1982. Oracle: sklearn.metrics.roc_auc_score.
    """
    p = int(np.count_nonzero(positive))
    q = len(positive) - p
    if not p or not q:
        return None
    return (float(midranks(scores)[positive].sum()) - p * (p + 1) / 2) / (p * q)


def average_precision(scores: Floats, positive: Booleans) -> float | None:
    """sum_i (R_i - R_{i-1}) P_i over the distinct scores from the largest down: recall R_i, precision P_i.

    Tied rows are one step, and steps are not interpolated. Oracle: sklearn.metrics.average_precision_score.
    """
    if positive.all() or not positive.any():
        return None
    curve = _steps(scores, positive)
    precision = curve.true_positives / (curve.true_positives + curve.false_positives)
    gained = np.diff(curve.true_positives, prepend=0)
    return float(gained @ precision) / int(curve.true_positives[-1])


def macro(values: Sequence[float | None]) -> float | None:
    """The mean over the classes that have a value; None if no class has one."""
    measured = [value for value in values if value is not None]
    return math.fsum(measured) / len(measured) if measured else None


def midranks(values: Floats) -> NDArray[np.float64]:
    """The rank of each value, from 1; equal values share the mean of their ranks. Oracle: scipy.stats.rankdata."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))
    ends = np.append(starts[1:], len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((starts + 1 + ends) / 2, ends - starts)
    return ranks


@dataclass(frozen=True, eq=False)
class DeLong:
    """AUROCs (M,) of M models on the same rows, and the covariance (M, M) of these estimates over new rows."""

    aurocs: NDArray[np.float64]
    covariance: NDArray[np.float64]
    fewer: int
    """Rows of the kind of which there are fewer."""

    def interval(self, model: int = 0, level: float = LEVEL) -> Interval:
        """The normal interval of logit(AUROC), transformed back, so that it stays within [0, 1].

        At an AUROC of 0 or 1 the estimated variance is 0, although few rows prove little: Wilson's interval then says
        how rare a misplaced row of the rarer kind may be, if none of them is.
        Source: Pepe 2003, The statistical evaluation of medical tests, section 5.2.
        """
        area, variance = float(self.aurocs[model]), float(self.covariance[model, model])
        if not 0 < area < 1:
            return wilson(round(area) * self.fewer, self.fewer, level) or Interval(0.0, 1.0, level)
        z = normal_quantile(0.5 + level / 2)
        logit, half_width = math.log(area / (1 - area)), z * math.sqrt(variance) / (area * (1 - area))
        low, high = (1 / (1 + math.exp(-value)) for value in (logit - half_width, logit + half_width))
        return Interval(low, high, level)

    def difference(self, a: int, b: int, level: float = LEVEL) -> tuple[float, Interval]:
        """AUROC a minus AUROC b, with its normal interval, within [-1, 1]."""
        difference = float(self.aurocs[a] - self.aurocs[b])
        variance = self.covariance[a, a] + self.covariance[b, b] - 2 * self.covariance[a, b]
        half_width = normal_quantile(0.5 + level / 2) * math.sqrt(max(float(variance), 0.0))
        return difference, Interval(
            max(difference - half_width, -1.0), min(difference + half_width, 1.0), level
        )


def delong(scores: Floats, positive: Booleans) -> DeLong | None:
    """DeLong's covariance of the AUROCs of M models with scores (M, N), by mid-ranks in O(M N log N).

    A row's placement is the share of rows of the other kind that it is ordered rightly against. The variance of an
    AUROC is the variance of the placements of the positive rows over P, plus that of the others over Q. None if one
    of the kinds has fewer than two rows. Source: DeLong, DeLong & Clarke-Pearson 1988; Sun & Xu 2014.
    """
    p, q = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    if p < 2 or q < 2:
        return None
    of_positive, of_negative = np.empty((len(scores), p)), np.empty((len(scores), q))
    for row, model in enumerate(scores):
        ranks = midranks(model)
        of_positive[row] = (ranks[positive] - midranks(model[positive])) / q
        of_negative[row] = 1 - (ranks[~positive] - midranks(model[~positive])) / p
    covariance = np.atleast_2d(np.cov(of_positive)) / p + np.atleast_2d(np.cov(of_negative)) / q
    return DeLong(of_positive.mean(axis=1), covariance, min(p, q))


@dataclass(frozen=True)
class CurvePoint:
    """At `threshold`, a row is called positive if its score is at least that. None: no row is.

    precision: 1 if no row is called positive, so that curves begin at the axis.
    """

    threshold: float | None
    true_positive_rate: float
    false_positive_rate: float
    precision: float


def curve(scores: Floats, positive: Booleans, points: int = CURVE_POINTS) -> list[CurvePoint] | None:
    """The ROC and the precision-recall curve at once, thresholds descending; recall is the true positive rate.

    All distinct scores, or `points` of them, evenly spaced along the curves, with both ends. None if only one kind of
    rows is there. Oracle: sklearn.metrics.roc_curve, precision_recall_curve.
    """
    if positive.all() or not positive.any():
        return None
    steps = _steps(scores, positive)
    recall = steps.true_positives / steps.true_positives[-1]
    fall_out = steps.false_positives / steps.false_positives[-1]
    precision = steps.true_positives / (steps.true_positives + steps.false_positives)
    chosen = _evenly_along(points - 1, recall, fall_out, precision)
    columns = (steps.thresholds[chosen], recall[chosen], fall_out[chosen], precision[chosen])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [CurvePoint(None, 0.0, 0.0, 1.0), *(CurvePoint(*row) for row in rows)]


@dataclass(frozen=True, eq=False)
class _Steps:
    """Rows with a score of at least each distinct score, thresholds descending; all (D,)."""

    thresholds: Floats
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]


def _steps(scores: Floats, positive: Booleans) -> _Steps:
    order = np.argsort(-scores, kind="stable")
    descending, hits = scores[order], positive[order]
    last_of_ties = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
    true_positives = np.cumsum(hits, dtype=np.int64)[last_of_ties]
    return _Steps(descending[last_of_ties], true_positives, last_of_ties + 1 - true_positives)


def _evenly_along(points: int, *coordinates: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of at most `points` of the steps, evenly spaced by the way that the coordinates have moved."""
    steps = len(coordinates[0])
    if steps <= points:
        return np.arange(steps)
    way = np.cumsum(sum(np.abs(np.diff(each, prepend=each[:1])) for each in coordinates))
    return np.unique(np.searchsorted(way, np.linspace(way[-1], way[0], points)))
