"""Optimizer updates of parameters, gradient and state."""

import numpy as np

from workers.nn.arrays import CHUNK, Array, Bits
from workers.nn.kernels.reference.bfloat16 import round_to_bfloat16


def adam(
    parameters: Array,
    gradient: Array,
    first: Array,
    second: Array,
    beta1: float,
    beta2: float,
    step_size: float,
    epsilon: float,
) -> None:
    gradient *= 1 - beta1
    first *= beta1
    first += gradient
    gradient *= gradient
    gradient *= (1 - beta2) / (1 - beta1) ** 2
    second *= beta2
    second += gradient
    denominator = np.sqrt(second, out=gradient)
    denominator += epsilon
    direction = np.divide(first, denominator, out=gradient)
    direction *= step_size
    parameters -= direction


def momentum(
    parameters: Array,
    gradient: Array,
    velocity: Array,
    momentum: float,
    share: float,
    nesterov: bool,
    step_size: float,
) -> None:
    gradient *= share
    velocity *= momentum
    velocity += gradient
    if nesterov:
        add_scaled(gradient, velocity, momentum)
    else:
        gradient[:] = velocity
    gradient *= step_size
    parameters -= gradient


def divide_by_rms(
    gradient: Array, square: Array, mean: Array, centered: bool, alpha: float, epsilon: float
) -> None:
    for start in range(0, len(gradient), CHUNK):
        chunk = slice(start, start + CHUNK)
        g, variance = gradient[chunk], square[chunk]
        average(variance, g * g, alpha)
        if centered:
            average(mean[chunk], g, alpha)
            variance = np.maximum(variance - np.square(mean[chunk]), 0)  # rounding may make it negative
        g /= np.sqrt(variance) + epsilon


def average(running: Array, values: Array, decay: float) -> None:
    running *= decay
    running += (1 - decay) * values


def add_scaled(x: Array, y: Array, factor: float) -> None:
    for start in range(0, len(x), CHUNK):
        x[start : start + CHUNK] += factor * y[start : start + CHUNK]


def adam_rounded(
    parameters: Array,
    gradient: Array,
    first: Array,
    second: Array,
    beta1: float,
    beta2: float,
    step_size: float,
    epsilon: float,
    rounded: Bits,
) -> None:
    adam(parameters, gradient, first, second, beta1, beta2, step_size, epsilon)
    round_to_bfloat16(parameters, rounded)


def momentum_rounded(
    parameters: Array,
    gradient: Array,
    velocity: Array,
    momentum_: float,
    share: float,
    nesterov: bool,
    step_size: float,
    rounded: Bits,
) -> None:
    momentum(parameters, gradient, velocity, momentum_, share, nesterov, step_size)
    round_to_bfloat16(parameters, rounded)


def add_scaled_rounded(x: Array, y: Array, factor: float, rounded: Bits) -> None:
    add_scaled(x, y, factor)
    round_to_bfloat16(x, rounded)
