"""What the metrics of an evaluation are computed from. Of a softmax one kernel measures all: a short run is evaluated
thousands of times.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from workers.evaluation.calibration import CALIBRATION_BINS
from workers.evaluation.class_scores import ClassScores
from workers.evaluation.confusion import Confusion, confusion_matrix
from workers.evaluation.per_row import RowScores
from workers.evaluation.ranking import Areas, RowsByClass
from workers.nn import kernels
from workers.nn.arrays import Array, Integers


class Measures(NamedTuple):
    """Of logits (N, K): what metrics take. predictions: (N,), the argmax, at a tie the first class.

    scores: None if the outputs are no distribution. is_finite: whether the logits, and of a distribution -log p_y,
    are known to be finite; if a logit is not, nothing was measured.
    """

    predictions: Integers
    confusion: Confusion
    classes: ClassScores
    scores: RowScores | None
    is_finite: bool


def measure(logits: Array, by_class: RowsByClass, *, distribution: bool) -> Measures:
    """distribution: whether softmax(logits) is what the model predicts."""
    return _measure_softmax(logits, by_class) if distribution else _measure_outputs(logits, by_class)


def _measure_softmax(logits: Array, by_class: RowsByClass) -> Measures:
    logits, labels = np.ascontiguousarray(logits), by_class.labels
    rows, classes = logits.shape
    scores, areas = RowScores.empty(labels, classes, logits.dtype), Areas.empty(classes)
    places, confusion = np.empty(rows, np.int64), np.empty((classes, classes), np.int64)
    gaps = np.empty(CALIBRATION_BINS)
    is_finite = kernels.current().evaluate(
        *(logits, labels, by_class.starts, by_class.order, *scores.arrays),
        *(places, confusion, gaps, areas.auroc, areas.average_precision),
    )
    ranks = ClassScores(logits, labels, scores.odds, by_class, (areas, places))
    return Measures(scores.predictions, confusion, ranks, replace(scores, gaps=gaps), is_finite)


def _measure_outputs(logits: Array, by_class: RowsByClass) -> Measures:
    predictions = logits.argmax(axis=1)
    confusion = confusion_matrix(by_class.labels, predictions, logits.shape[1])
    ranks = ClassScores.of(logits, by_class.labels, by_class=by_class)
    return Measures(predictions, confusion, ranks, None, is_finite=bool(np.isfinite(logits).all()))
