"""Ranks: the place of the true class, and the areas under ROC and precision-recall curves."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled, inlined
from workers.nn.kernels.compiled.losses import LABELS, LOGITS


@compiled(f"void({LOGITS}, {LABELS}, int64[::1])")
def place(scores: Array, labels: Integers, places: Integers) -> None:
    rows, classes = scores.shape
    for i in range(rows):
        label, better = labels[i], 0
        own = scores[i, label]
        for k in range(classes):
            better += (scores[i, k] > own) | ((scores[i, k] == own) & (k < label))
        places[i] = better


@compiled("void(int64[::1], real[:,::1], real[::1], int64[::1])")
def contend(starts: Integers, scores: Array, own: Array, counts: Integers) -> None:
    classes, rows = scores.shape
    for k in range(classes):
        counts[k] = 0
        if starts[k] < starts[k + 1]:
            least, kept = own[starts[k]], 0
            for i in range(rows):
                if scores[k, i] >= least:
                    scores[k, kept] = scores[k, i]
                    kept += 1
            counts[k] = kept


@inlined
def _areas_of_class(scores: Array, own: Array, below: int) -> tuple[float, float]:
    """Go down the scores, and with them those of the class's own rows, both ascending; `below` others are less."""
    i, j = len(scores) - 1, len(own) - 1
    positives, negatives, beaten, precisions = 0, 0, 0.0, 0.0
    while j >= 0:
        threshold, tied_positives, tied = own[j], 0, 0
        above = i
        while i >= 0 and scores[i] > threshold:
            i -= 1
        beaten += (above - i) * positives
        negatives += above - i
        while j >= 0 and own[j] == threshold:
            j -= 1
            tied_positives += 1
        while i >= 0 and scores[i] == threshold:
            i -= 1
            tied += 1
        beaten += (tied - tied_positives) * (positives + 0.5 * tied_positives)
        positives += tied_positives
        negatives += tied - tied_positives
        precisions += tied_positives * (positives / (positives + negatives))
    beaten += (i + 1 + below) * positives
    negatives += i + 1 + below
    return beaten / (positives * negatives), precisions / positives


@compiled("void(int64[::1], real[:,::1], int64[::1], real[::1], float64[::1], float64[::1])")
def areas(
    starts: Integers, scores: Array, counts: Integers, own: Array, under_roc: Array, under_pr: Array
) -> None:
    classes, rows = scores.shape
    for k in range(classes):
        if 0 < starts[k + 1] - starts[k] < rows:
            mine, kept = own[starts[k] : starts[k + 1]], counts[k]
            under_roc[k], under_pr[k] = _areas_of_class(scores[k, :kept], mine, rows - kept)
        else:
            under_roc[k] = under_pr[k] = np.nan
