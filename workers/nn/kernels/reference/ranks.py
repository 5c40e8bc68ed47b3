"""Ranks: the place of the true class, and the areas under ROC and precision-recall curves."""

import numpy as np

from workers.nn.arrays import Array, Integers


def place(scores: Array, labels: Integers, places: Integers) -> None:
    own, columns = scores[np.arange(len(labels)), labels], np.ascontiguousarray(scores.T)
    earlier = np.arange(len(columns))[:, None] < labels
    np.sum((columns > own) | (columns == own) & earlier, axis=0, out=places)


def areas(
    labels: Integers, starts: Integers, order: Integers, scores: Array, under_roc: Array, under_pr: Array
) -> None:
    for k, of_class in enumerate(scores):
        own = np.sort(of_class[order[starts[k] : starts[k + 1]]])
        positives, n = len(own), len(of_class)
        if positives in (0, n):
            under_roc[k] = under_pr[k] = np.nan
            continue
        others = np.sort(of_class[(of_class >= own[0]) & (labels != k)])
        least = n - positives - len(others)
        below, up_to = (least + np.searchsorted(others, own, side) for side in ("left", "right"))
        own_below = np.searchsorted(own, own)
        under_roc[k] = (below + up_to).sum() / (
            2 * positives * (n - positives)
        )  # twice the number, ties once
        under_pr[k] = ((positives - own_below) / (n - own_below - below)).mean()
