"""Ranks: the odds of each class, the place of the true class, and the areas under ROC and precision-recall curves."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled, inlined
from workers.nn.kernels.compiled.exponential import exponentials
from workers.nn.kernels.compiled.losses import LABELS, LOGITS

BLOCK_ELEMENTS = 4096


@inlined
def _shift(z: Array, shifted: Array) -> int:
    """shifted = z minus its maximum. Returns the index of the first maximum."""
    best = 0
    for k in range(1, len(z)):
        best = k if z[k] > z[best] else best
    for k in range(len(z)):
        shifted[k] = z[k] - z[best]
    return best


@compiled(f"void({LOGITS}, real[:,::1])")
def odds(logits: Array, odds: Array) -> None:
    real, (rows, classes) = logits.dtype.type, logits.shape
    block = max(1, BLOCK_ELEMENTS // classes)
    e, others, best = (
        np.empty((block, classes), logits.dtype),
        np.empty(block, real),
        np.empty(block, np.int64),
    )
    for start in range(0, rows, block):
        size = min(block, rows - start)
        for i in range(size):
            best[i] = _shift(logits[start + i], e[i])
        exponentials(e.reshape(-1)[: size * classes])
        for i in range(size):
            e[i, best[i]] -= real(1)  # 0, or NaN
            others[i] = real(0)
            for k in range(classes):
                others[i] += e[i, k]
        for k in range(classes):  # class by class, for contiguous writes
            for i in range(size):
                odds[k, start + i] = e[i, k] / (real(1) + (others[i] - e[i, k]))
        for i in range(size):
            odds[best[i], start + i] = real(1) / others[i]


@compiled(f"void({LOGITS}, {LABELS}, int64[::1])")
def place(scores: Array, labels: Integers, places: Integers) -> None:
    rows, classes = scores.shape
    for i in range(rows):
        label, better = labels[i], 0
        own = scores[i, label]
        for k in range(classes):
            better += (scores[i, k] > own) | ((scores[i, k] == own) & (k < label))
        places[i] = better


@inlined
def _areas_of_class(scores: Array, own: Array) -> tuple[float, float]:
    """Go down the scores (N,) of all rows, and with them those of the class's own rows, both ascending."""
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
    beaten += (i + 1) * positives
    negatives += i + 1
    return beaten / (positives * negatives), precisions / positives


@compiled("void(int64[::1], real[:,::1], real[::1], float64[::1], float64[::1])")
def areas(starts: Integers, scores: Array, own: Array, under_roc: Array, under_pr: Array) -> None:
    classes, rows = scores.shape
    for k in range(classes):
        count = starts[k + 1] - starts[k]
        if 0 < count < rows:
            under_roc[k], under_pr[k] = _areas_of_class(scores[k], own[starts[k] : starts[k + 1]])
        else:
            under_roc[k] = under_pr[k] = np.nan
