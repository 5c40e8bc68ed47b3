"""Scores of a softmax, for blocks of rows: a block and its exponentials stay in the cache."""

from typing import Any

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled, inlined
from workers.nn.kernels.compiled.exponential import exponentials
from workers.nn.kernels.compiled.losses import LABELS, LOGITS

BLOCK_ELEMENTS = 4096


@inlined
def _shift(z: Array, shifted: Array) -> int:
    """shifted = z minus its maximum. Returns the index of the first maximum.

    One function for both, although losses.py has half of it: two functions take 1.4 times as long.
    """
    largest = z[0]
    for k in range(1, len(z)):
        largest = max(largest, z[k])
    best = len(z)
    for k in range(len(z)):
        shifted[k] = z[k] - largest
        best = min(best, len(z) if z[k] < largest else k)  # branchless: this branch is unpredictable
    return best


@inlined
def _squared_distance(exponentials: Array, total: Any, label: int) -> Any:
    """The squared distance between the probabilities, exponentials / total, and the one-hot label."""
    real = exponentials.dtype.type
    distance = real(0)
    for k in range(len(exponentials)):
        residual = exponentials[k] / total - (real(1) if k == label else real(0))
        distance += residual * residual
    return distance


@inlined
def _odds(exponentials: Array, best: Integers, others: Array, odds: Array) -> None:
    """odds (K, m) of a block of exponentials (m, K), whose largest is 1 at `best` (m,); overwrites them."""
    real, (rows, classes) = exponentials.dtype.type, exponentials.shape
    for i in range(rows):
        exponentials[i, best[i]] -= real(1)  # 0, or NaN
        others[i] = real(0)
        for k in range(classes):
            others[i] += exponentials[i, k]
    for k in range(classes):  # class by class, for contiguous writes
        for i in range(rows):
            odds[k, i] = exponentials[i, k] / (real(1) + (others[i] - exponentials[i, k]))
    for i in range(rows):
        odds[best[i], i] = real(1) / others[i]


@compiled(f"void({LOGITS}, {LABELS}, int64[::1], real[::1], real[::1], real[::1], real[:,::1])")
def score(
    logits: Array,
    labels: Integers,
    predictions: Integers,
    negative_log_p: Array,
    squared_distance: Array,
    confidence: Array,
    odds: Array,
) -> None:
    real, (rows, classes) = logits.dtype.type, logits.shape
    block = max(1, BLOCK_ELEMENTS // classes)
    p, others = np.empty((block, classes), logits.dtype), np.empty(block, logits.dtype)
    for start in range(0, rows, block):
        size = min(block, rows - start)
        for i in range(size):
            row = start + i
            predictions[row] = _shift(logits[row], p[i])
            negative_log_p[row] = -p[i, labels[row]]
        exponentials(p.reshape(-1)[: size * classes])
        for i in range(size):
            row, total = start + i, real(0)
            for k in range(classes):
                total += p[i, k]
            negative_log_p[row] += np.log(total)
            squared_distance[row] = _squared_distance(p[i], total, labels[row])
            confidence[row] = real(1) / total
        end = start + size
        _odds(p[:size], predictions[start:end], others, odds[:, start:end])
