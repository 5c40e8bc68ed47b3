"""Ranks: the odds of each class, the place of the true class, and the areas under ROC and precision-recall curves."""

import numpy as np

from workers.nn.arrays import Array, Integers, negligible_limit


def odds(logits: Array, odds: Array) -> None:
    rows = np.arange(len(logits))
    best = logits.argmax(axis=1)
    with np.errstate(over="ignore", divide="ignore"):
        # In column-major order a reduction over few classes runs along contiguous memory: several times as fast.
        shifted = np.asfortranarray(logits) - logits[rows, best][:, None]
        e = np.exp(shifted, out=shifted)
        e[e < negligible_limit(e.dtype)] = 0
        e[rows, best] -= 1  # 0, or NaN
        others = e.sum(axis=1)
        np.divide(e.T, 1 + (others - e.T), out=odds)
        odds[best, rows] = 1 / others


def place(scores: Array, labels: Integers, places: Integers) -> None:
    own, columns = scores[np.arange(len(labels)), labels], np.ascontiguousarray(scores.T)
    earlier = np.arange(len(columns))[:, None] < labels
    np.sum((columns > own) | (columns == own) & earlier, axis=0, out=places)


def areas(starts: Integers, scores: Array, own: Array, under_roc: Array, under_pr: Array) -> None:
    n = scores.shape[1]
    for k, row in enumerate(scores):
        mine = own[starts[k] : starts[k + 1]]
        positives = len(mine)
        if positives in (0, n):
            under_roc[k] = under_pr[k] = np.nan
            continue
        below, up_to = (np.searchsorted(row, mine, side) for side in ("left", "right"))
        own_below, own_up_to = (np.searchsorted(mine, mine, side) for side in ("left", "right"))
        beaten = (below - own_below) + (up_to - own_up_to)  # twice the number, ties once
        under_roc[k] = beaten.sum() / (2 * positives * (n - positives))
        under_pr[k] = ((positives - own_below) / (n - below)).mean()
