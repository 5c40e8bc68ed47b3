"""Ranks: the place of the true class, and the areas under ROC and precision-recall curves."""

from typing import Any

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


@inlined
def _count_below(ascending: Array, value: Any) -> int:
    """How many elements are less than a value."""
    below, above = 0, len(ascending)
    while below < above:
        middle = (below + above) // 2
        if ascending[middle] < value:
            below = middle + 1
        else:
            above = middle
    return below


@inlined
def _areas_of_class(own: Array, between: Integers, tied: Integers, others: int) -> tuple[float, float]:
    """Go down the scores of the class's own rows, which ascend.

    between[j], tied[j]: of the other rows, how many lie between own[j - 1] and own[j], and how many are equal to
    own[j], the first of equal ones. They count upwards from own[0]; all `others` rows include those below it.
    """
    end = len(own)
    positives, negatives, beaten, precisions = 0, 0, 0.0, 0.0
    while end > 0:
        start = end - 1
        while start > 0 and own[start - 1] == own[start]:
            start -= 1
        beaten += between[end] * positives
        negatives += between[end]
        beaten += tied[start] * (positives + 0.5 * (end - start))
        positives += end - start
        negatives += tied[start]
        precisions += (end - start) * (positives / (positives + negatives))
        end = start
    beaten += (others - negatives) * positives
    return beaten / (positives * others), precisions / positives


@compiled(f"void({LABELS}, {LABELS}, {LABELS}, {LOGITS}, float64[::1], float64[::1])")
def areas(
    labels: Integers, starts: Integers, order: Integers, scores: Array, under_roc: Array, under_pr: Array
) -> None:
    classes, rows = scores.shape
    most = 0
    for k in range(classes):
        most = max(most, starts[k + 1] - starts[k])
    sorted_scores = np.empty(most, scores.dtype)
    between, tied = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64)
    for k in range(classes):
        positives = starts[k + 1] - starts[k]
        if positives == 0 or positives == rows:
            under_roc[k] = under_pr[k] = np.nan
            continue
        own = sorted_scores[:positives]
        for i in range(positives):
            own[i] = scores[k, order[starts[k] + i]]
        own.sort()
        between[: positives + 1] = 0
        tied[: positives + 1] = 0
        least = own[0]
        for i in range(rows):
            if scores[k, i] >= least and labels[i] != k:
                score = scores[k, i]
                below = _count_below(own, score)
                if below < positives and own[below] == score:
                    tied[below] += 1
                else:
                    between[below] += 1
        under_roc[k], under_pr[k] = _areas_of_class(own, between, tied, rows - positives)
