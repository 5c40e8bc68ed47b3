"""Scores of a softmax: predictions, negative log-likelihood, Brier score, confidence, odds."""

import numpy as np

from workers.nn.arrays import Array, Integers, negligible_limit
from workers.nn.output_layers import log_softmax


def score(
    logits: Array,
    labels: Integers,
    predictions: Integers,
    negative_log_p: Array,
    squared_distance: Array,
    confidence: Array,
    odds: Array,
) -> None:
    rows = np.arange(len(labels))
    logits.argmax(axis=1, out=predictions)
    # In column-major order a reduction over few classes runs along contiguous memory: several times as fast.
    with np.errstate(over="ignore"):
        log_p = log_softmax(np.asfortranarray(logits))
    np.negative(log_p[rows, labels], out=negative_log_p)
    p = np.exp(log_p, out=log_p)
    confidence[:] = p[rows, predictions]
    p[rows, labels] -= 1
    p *= p
    p.sum(axis=1, out=squared_distance)
    _odds(logits, predictions, odds)


def _odds(logits: Array, best: Integers, odds: Array) -> None:
    rows = np.arange(len(logits))
    with np.errstate(over="ignore", divide="ignore"):
        # In column-major order a reduction over few classes runs along contiguous memory: several times as fast.
        shifted = np.asfortranarray(logits) - logits[rows, best][:, None]
        e = np.exp(shifted, out=shifted)
        e[e < negligible_limit(e.dtype)] = 0
        e[rows, best] -= 1  # 0, or NaN
        others = e.sum(axis=1)
        np.divide(e.T, 1 + (others - e.T), out=odds)
        odds[best, rows] = 1 / others
