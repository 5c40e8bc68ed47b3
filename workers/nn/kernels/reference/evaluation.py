"""Everything that an evaluation measures of a softmax: what its kernels do, one after the other."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.reference.ranks import areas, place
from workers.nn.kernels.reference.scores import score


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
    if not np.isfinite(logits).all():
        return False
    score(logits, labels, predictions, negative_log_p, squared_distance, confidence, odds)
    place(logits, labels, places)
    areas(labels, starts, order, odds, under_roc, under_pr)
    cells = np.bincount(labels * len(confusion) + predictions, minlength=confusion.size)
    confusion[...] = cells.reshape(confusion.shape)
    sure, bins = confidence.astype(np.float64), len(gaps)
    bin_of = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps[:] = np.bincount(bin_of, weights=(predictions == labels) - sure, minlength=bins)
    return bool(np.isfinite(negative_log_p).all())
