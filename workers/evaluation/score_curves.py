"""The ROC and the precision-recall curve of scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.ranking import Booleans, Floats

CURVE_POINTS = 500
"""Points of a curve, at most: more than a chart can show."""


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
