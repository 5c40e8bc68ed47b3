"""Everything that an evaluation measures of a softmax, in one call: most calls of a short run are evaluations."""

import math

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled
from workers.nn.kernels.compiled.losses import LABELS, LOGITS
from workers.nn.kernels.compiled.ranks import areas, place
from workers.nn.kernels.compiled.scores import score

INTEGERS, REALS, DOUBLES = "int64[::1]", "real[::1]", "float64[::1]"


@compiled(
    f"boolean({LOGITS}, {LABELS}, {LABELS}, {LABELS}, {INTEGERS}, {REALS}, {REALS}, {REALS}, real[:,::1],"
    f" {INTEGERS}, int64[:,::1], {DOUBLES}, {DOUBLES}, {DOUBLES})"
)
def evaluate(
    logits: Array,
    labels: Integers,
    starts: Integers,
    order: Integers,
    predictions: Integers,
    negative_log_p: Array,
    squared_distance: Array,
    confidence: Array,
    odds: Array,
    places: Integers,
    confusion: Integers,
    gaps: Array,
    under_roc: Array,
    under_pr: Array,
) -> bool:
    difference = logits.dtype.type(0)
    for i in range(logits.shape[0]):
        for k in range(logits.shape[1]):
            difference += logits[i, k] - logits[i, k]  # NaN of what is infinite
    if not math.isfinite(difference):
        return False
    score(logits, labels, predictions, negative_log_p, squared_distance, confidence, odds)
    place(logits, labels, places)
    areas(labels, starts, order, odds, under_roc, under_pr)
    confusion[:, :] = 0
    gaps[:] = 0
    last = len(gaps) - 1
    for i in range(len(labels)):
        confusion[labels[i], predictions[i]] += 1
        sure = np.float64(confidence[i])
        bin_ = math.ceil(sure * len(gaps)) - 1
        gaps[max(0, min(bin_, last))] += (1.0 if predictions[i] == labels[i] else 0.0) - sure
        difference += negative_log_p[i] - negative_log_p[i]
    return math.isfinite(difference)
