"""Losses behind a softmax: value, gradient and weighting, a row at a time."""

import math

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled, inlined

LOGITS, VECTOR = (f"Array(real, {axes}, 'C', readonly=True)" for axes in (2, 1))
LABELS = "Array(int64, 1, 'C', readonly=True)"
LEAST_FLOAT32, LEAST_FLOAT64 = (float(np.sqrt(np.finfo(real).tiny)) for real in (np.float32, np.float64))


@inlined
def _negligible(gradient: Array) -> float:
    """As in arrays.drop_negligible."""
    return LEAST_FLOAT32 if gradient.itemsize == 4 else LEAST_FLOAT64


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
    least, zero = real(_negligible(gradient)), real(0)
    for i in range(logits.shape[0]):
        y, largest = labels[i], logits[i, 0] + offsets[0]
        for k in range(classes):
            z = logits[i, k] + offsets[k]
            gradient[i, k] = z
            largest = max(largest, z)
        target = on * (gradient[i, y] - largest)
        total = real(0)
        for k in range(classes):
            z = gradient[i, k] - largest
            target += off * z
            e = np.exp(z)
            gradient[i, k] = e
            total += e
        factor = weights[y] * real(scale)
        losses[i] = factor * (np.log(total) - target)
        value += losses[i]
        each = factor / total
        for k in range(classes):
            g = gradient[i, k] * each - off * factor
            if k == y:
                g -= on * factor
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
    one, zero, power, least = real(1), real(0), real(gamma), real(_negligible(gradient))
    for i in range(logits.shape[0]):
        y, largest = labels[i], logits[i, 0]
        for k in range(classes):
            largest = max(largest, logits[i, k])
        others = zero  # 1 - p_y would cancel where the example is easy
        for k in range(classes):
            e = np.exp(logits[i, k] - largest)
            gradient[i, k] = e
            others += e if k != y else zero
        total = others + gradient[i, y]
        q = others / total
        log_p_y = real(math.log1p(-q)) if q < 0.5 else logits[i, y] - largest - np.log(total)
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
