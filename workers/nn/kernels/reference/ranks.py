"""Ranks: the place of the true class, and the areas under ROC and precision-recall curves."""

import numpy as np

from workers.nn.arrays import Array, Integers


def place(scores: Array, labels: Integers, places: Integers) -> None:
    own, columns = scores[np.arange(len(labels)), labels], np.ascontiguousarray(scores.T)
    earlier = np.arange(len(columns))[:, None] < labels
    np.sum((columns > own) | (columns == own) & earlier, axis=0, out=places)


def contend(starts: Integers, scores: Array, own: Array, counts: Integers) -> None:
    counts[:] = 0
    for k in np.flatnonzero(np.diff(starts)):
        kept = scores[k, scores[k] >= own[starts[k]]]
        counts[k] = len(kept)
        scores[k, : len(kept)] = kept


def areas(
    starts: Integers, scores: Array, counts: Integers, own: Array, under_roc: Array, under_pr: Array
) -> None:
    n = scores.shape[1]
    for k, count in enumerate(counts):
        mine = own[starts[k] : starts[k + 1]]
        positives = len(mine)
        if positives in (0, n):
            under_roc[k] = under_pr[k] = np.nan
            continue
        below, up_to = (
            n - count + np.searchsorted(scores[k, :count], mine, side) for side in ("left", "right")
        )
        own_below, own_up_to = (np.searchsorted(mine, mine, side) for side in ("left", "right"))
        beaten = (below - own_below) + (up_to - own_up_to)  # twice the number, ties once
        under_roc[k] = beaten.sum() / (2 * positives * (n - positives))
        under_pr[k] = ((positives - own_below) / (n - below)).mean()
