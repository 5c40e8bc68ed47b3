"""What the metrics of an evaluation are computed from. Of a softmax one kernel measures all: a short run is evaluated
thousands of times.
"""

from typing import NamedTuple

import numpy as np

from workers.evaluation.calibration import CALIBRATION_BINS
from workers.evaluation.class_scores import ClassScores, Ranks
from workers.evaluation.confusion import Confusion, Margins, confusion_matrix
from workers.evaluation.per_row import RowScores
from workers.evaluation.ranking import Areas, RowsByClass
from workers.nn import kernels
from workers.nn.arrays import Array, Integers


class Measures(NamedTuple):
    """Of logits (N, K): what metrics take. predictions: (N,), the argmax, at a tie the first class.

    places: (N,), as `ClassScores` has them. scores: None if the outputs are no distribution. is_finite: whether the
    logits, and of a distribution -log p_y, are known to be finite; if a logit is not, nothing was measured.
    """

    predictions: Integers
    places: Integers
    confusion: Confusion
    margins: Margins
    ranks: Ranks
    scores: RowScores | None
    is_finite: bool


def measure(logits: Array, by_class: RowsByClass, *, distribution: bool) -> Measures:
    """distribution: whether softmax(logits) is what the model predicts."""
    return _measure_softmax(logits, by_class) if distribution else _measure_outputs(logits, by_class)


def _measure_softmax(logits: Array, by_class: RowsByClass) -> Measures:
    logits, labels = np.ascontiguousarray(logits), by_class.labels
    rows, classes = logits.shape
    gaps = np.empty(CALIBRATION_BINS)
    scores = RowScores.empty(labels, classes, logits.dtype, gaps)
    areas, places = Areas.empty(classes), np.empty(rows, np.int64)
    confusion, counts = np.empty((classes, classes), np.int64), np.empty((4, classes), np.int64)
    is_finite = kernels.current().evaluate(
        *(logits, labels, by_class.starts, by_class.order, *scores.arrays),
        *(places, confusion, counts, gaps, areas.auroc, areas.average_precision),
    )
    *margins, placed = counts.tolist()
    ranks = Ranks(areas, placed)
    return Measures(scores.predictions, places, confusion, Margins(*margins), ranks, scores, is_finite)


def _measure_outputs(logits: Array, by_class: RowsByClass) -> Measures:
    predictions = logits.argmax(axis=1)
    confusion = confusion_matrix(by_class.labels, predictions, logits.shape[1])
    classes = ClassScores.of(logits, by_class.labels, by_class=by_class)
    is_finite = bool(np.isfinite(logits).all())
    return Measures(
        predictions, classes.places, confusion, Margins.of(confusion), classes.ranks, None, is_finite
    )
