"""Batch normalisation: three sweeps forward and two backward, row by row as they lie in memory."""

import numpy as np

from workers.nn.arrays import Array
from workers.nn.kernels.compiled.compiler import compiled

REAL = "real[:,::1]"
VECTOR = "real[::1]"


@compiled(
    f"void({REAL}, {VECTOR}, {VECTOR}, {VECTOR}, {VECTOR}, float64, float64, float64, {REAL}, {VECTOR}, {REAL})"
)
def batch_norm(  # noqa: C901 -- three sweeps in sequence
    x: Array,
    gamma: Array,
    beta: Array,
    running_mean: Array,
    running_variance: Array,
    momentum: float,
    epsilon: float,
    slope: float,
    normalised: Array,
    deviation: Array,
    y: Array,
) -> None:
    n, features, real = x.shape[0], x.shape[1], x.dtype.type
    decay, rest, below = real(momentum), real(1 - momentum), real(slope)
    total, mean, inverse = np.zeros(features), np.empty(features, x.dtype), np.empty(features, x.dtype)
    for i in range(n):
        for j in range(features):
            total[j] += x[i, j]
    for j in range(features):
        mean[j] = total[j] / n
        total[j] = 0
    for i in range(n):
        for j in range(features):
            centred = x[i, j] - mean[j]
            normalised[i, j] = centred
            total[j] += centred * centred
    for j in range(features):
        variance = total[j] / n
        running_mean[j] = decay * running_mean[j] + rest * mean[j]
        running_variance[j] = decay * running_variance[j] + rest * real(variance * n / (n - 1))
        deviation[j] = np.sqrt(variance + epsilon)
        inverse[j] = 1 / deviation[j]
    for i in range(n):
        for j in range(features):
            value = normalised[i, j] * inverse[j]
            normalised[i, j] = value
            value = gamma[j] * value + beta[j]
            y[i, j] = below * value if value <= 0 else value


@compiled(f"void({REAL}, {REAL}, {REAL}, {VECTOR}, {VECTOR}, float64, {VECTOR}, {VECTOR})")
def batch_norm_backward(
    dy: Array,
    y: Array,
    normalised: Array,
    deviation: Array,
    gamma: Array,
    slope: float,
    dgamma: Array,
    dbeta: Array,
) -> None:
    n, features, real = dy.shape[0], dy.shape[1], dy.dtype.type
    one, below = real(1), real(slope)
    shift, tilt, factor = np.zeros(features), np.zeros(features), np.empty(features, dy.dtype)
    for i in range(n):
        for j in range(features):
            dz = dy[i, j] * (one if y[i, j] > 0 else below)
            dy[i, j] = dz
            shift[j] += dz
            tilt[j] += dz * normalised[i, j]
    mean, slant = np.empty(features, dy.dtype), np.empty(features, dy.dtype)
    for j in range(features):
        dbeta[j] = shift[j]
        dgamma[j] = tilt[j]
        mean[j] = shift[j] / n
        slant[j] = tilt[j] / n
        factor[j] = gamma[j] / deviation[j]
    for i in range(n):
        for j in range(features):
            dy[i, j] = (dy[i, j] - mean[j] - normalised[i, j] * slant[j]) * factor[j]
