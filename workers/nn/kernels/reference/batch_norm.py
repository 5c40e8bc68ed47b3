"""Batch normalisation."""

import numpy as np

from workers.nn.arrays import Array
from workers.nn.kernels.reference.bias import add_bias, add_bias_backward, sum_rows
from workers.nn.kernels.reference.optimizers import average


def batch_norm(
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
    n, mean, variance = len(x), np.empty_like(gamma), np.empty_like(gamma)
    sum_rows(x, mean)
    mean /= n
    np.subtract(x, mean, out=normalised)
    sum_rows(np.multiply(normalised, normalised, out=y), variance)
    variance /= n
    average(running_mean, mean, momentum)
    average(running_variance, variance * (n / (n - 1)), momentum)
    variance += epsilon
    np.sqrt(variance, out=deviation)
    normalised /= deviation
    np.multiply(normalised, gamma, out=y)
    add_bias(y, beta, slope)


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
    """dbeta and dgamma are the two sums in dx = gamma / (N sigma) (N dy - sum dy - xhat sum(dy xhat))."""
    add_bias_backward(dy, y, slope, dbeta)
    sum_rows(np.multiply(dy, normalised, out=y), dgamma)
    normalised *= dgamma / len(dy)
    dy -= normalised
    dy -= dbeta / len(dy)
    dy *= gamma / deviation
