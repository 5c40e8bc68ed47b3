"""Losses on a softmax: value, gradient and weighting in three sweeps over a batch, which fits into the cache."""

import math

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled, inlined
from workers.nn.kernels.compiled.exponential import exponentials, limit_of

LOGITS, VECTOR = (f"Array(real, {axes}, 'C', readonly=True)" for axes in (2, 1))
LABELS = "Array(int64, 1, 'C', readonly=True)"


@inlined
def _subtract_maximum(z: Array, i: int) -> None:
    """z[i] -= the maximum of row i, so that nothing overflows."""
    largest = z[i, 0]
    for k in range(1, z.shape[1]):
        largest = max(largest, z[i, k])
    for k in range(z.shape[1]):
        z[i, k] -= largest


@compiled(f"float64({LOGITS}, {LABELS}, {VECTOR}, {VECTOR}, float64, float64, real[::1], real[:,::1])")
def cross_entropy(
    logits: Array,
    labels: Integers,
    offsets: Array,
    weights: Array,
    smoothing: float,
    scale: float,
    losses: Array,
    gradient: Array,
) -> float:
    real, classes, value = logits.dtype.type, logits.shape[1], 0.0
    off, on = real(smoothing / classes), real(1 - smoothing)
    least, zero = real(limit_of(gradient)), real(0)
    for i in range(logits.shape[0]):
        for k in range(classes):
            gradient[i, k] = logits[i, k] + offsets[k]
        _subtract_maximum(gradient, i)
        sum_of_row = zero
        for k in range(classes):
            sum_of_row += gradient[i, k]
        losses[i] = on * gradient[i, labels[i]] + off * sum_of_row
    exponentials(gradient.reshape(-1))
    for i in range(logits.shape[0]):
        y, total = labels[i], zero
        for k in range(classes):
            total += gradient[i, k]
        factor = weights[y] * real(scale)
        losses[i] = factor * (np.log(total) - losses[i])
        value += losses[i]
        each, others = factor / total, off * factor
        gradient[i, y] -= on * total
        for k in range(classes):
            g = gradient[i, k] * each - others
            gradient[i, k] = zero if abs(g) < least else g
    return value


@compiled(f"float64({LOGITS}, {LABELS}, {VECTOR}, float64, float64, real[::1], real[:,::1])")
def focal(
    logits: Array,
    labels: Integers,
    weights: Array,
    gamma: float,
    scale: float,
    losses: Array,
    gradient: Array,
) -> float:
    real, classes, value = logits.dtype.type, logits.shape[1], 0.0
    one, zero, power, least = real(1), real(0), real(gamma), real(limit_of(gradient))
    for i in range(logits.shape[0]):
        for k in range(classes):
            gradient[i, k] = logits[i, k]
        _subtract_maximum(gradient, i)
        losses[i] = gradient[i, labels[i]]
    exponentials(gradient.reshape(-1))
    for i in range(logits.shape[0]):
        y, others = labels[i], zero  # 1 - p_y would cancel if p_y is close to 1
        for k in range(classes):
            others += gradient[i, k] if k != y else zero
        total = others + gradient[i, y]
        q = others / total
        log_p_y = real(math.log1p(-q)) if q < 0.5 else losses[i] - np.log(total)
        r = log_p_y / q if q != 0 else -one
        factor = q**power * weights[y] * real(scale)
        losses[i] = -factor * log_p_y
        value += losses[i]
        slope = factor * (one - power * np.exp(log_p_y) * r)
        each = slope / total
        for k in range(classes):
            g = -q * slope if k == y else gradient[i, k] * each
            gradient[i, k] = zero if abs(g) < least else g
    return value
