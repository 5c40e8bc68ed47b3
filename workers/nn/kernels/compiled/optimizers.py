"""Optimizer updates: one sweep over parameters, gradient and state.

A running mean that has become negligible (arrays.drop_negligible) is set to 0. Otherwise the mean of a gradient that
stays 0, as after a unit that is never active, would shrink until it is subnormal, and never reach 0: 0.9 times a few
units in the last place rounds to as many.
"""

import numpy as np

from workers.nn.arrays import Array, Bits
from workers.nn.kernels.compiled.bfloat16 import round_to_bfloat16
from workers.nn.kernels.compiled.compiler import compiled
from workers.nn.kernels.compiled.exponential import limit_of

FLAT = "real[::1]"
BITS = "uint16[::1]"

BLOCK = 2**12
"""Parameters that are updated and then rounded, while they are in the L1 cache."""


@compiled(f"void({FLAT}, {FLAT}, {FLAT}, {FLAT}, float64, float64, float64, float64)")
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
    real = parameters.dtype.type
    b1, b2, a1, a2 = real(beta1), real(beta2), real(1 - beta1), real(1 - beta2)
    step, eps, zero, least = real(step_size), real(epsilon), real(0), real(limit_of(gradient))
    for i in range(len(parameters)):
        g = gradient[i]
        m = b1 * first[i] + a1 * g
        m = zero if abs(m) < least else m
        v = b2 * second[i] + a2 * g * g
        v = zero if v < least * least else v
        first[i] = m
        second[i] = v
        parameters[i] -= step * m / (np.sqrt(v) + eps)


@compiled(f"void({FLAT}, {FLAT}, {FLAT}, float64, float64, boolean, float64)")
def momentum(
    parameters: Array,
    gradient: Array,
    velocity: Array,
    momentum: float,
    share: float,
    nesterov: bool,
    step_size: float,
) -> None:
    real = parameters.dtype.type
    decay, part, step = real(momentum), real(share), real(step_size)
    zero, least = real(0), real(limit_of(gradient))
    for i in range(len(parameters)):
        g = part * gradient[i]
        v = decay * velocity[i] + g
        v = zero if abs(v) < least else v
        velocity[i] = v
        parameters[i] -= step * (g + decay * v if nesterov else v)


@compiled(f"void({FLAT}, {FLAT}, {FLAT}, boolean, float64, float64)")
def divide_by_rms(
    gradient: Array, square: Array, mean: Array, centered: bool, alpha: float, epsilon: float
) -> None:
    real = gradient.dtype.type
    decay, rest, eps = real(alpha), real(1 - alpha), real(epsilon)
    zero, least = real(0), real(limit_of(gradient))
    for i in range(len(gradient)):
        g = gradient[i]
        v = decay * square[i] + rest * g * g
        v = zero if v < least * least else v
        square[i] = v
        if centered:
            u = decay * mean[i] + rest * g
            u = zero if abs(u) < least else u
            mean[i] = u
            v -= u * u
            v = zero if v < 0 else v
        gradient[i] = g / (np.sqrt(v) + eps)


@compiled(f"void({FLAT}, Array(real, 1, 'C', readonly=True), float64)")
def add_scaled(x: Array, y: Array, factor: float) -> None:
    a = x.dtype.type(factor)
    for i in range(len(x)):
        x[i] += a * y[i]


@compiled(f"void({FLAT}, {FLAT}, {FLAT}, {FLAT}, float64, float64, float64, float64, {BITS})")
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
    for start in range(0, len(parameters), BLOCK):
        end = start + BLOCK
        w, g, m, v = parameters[start:end], gradient[start:end], first[start:end], second[start:end]
        adam(w, g, m, v, beta1, beta2, step_size, epsilon)
        round_to_bfloat16(w, rounded[start:end])


@compiled(f"void({FLAT}, {FLAT}, {FLAT}, float64, float64, boolean, float64, {BITS})")
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
    for start in range(0, len(parameters), BLOCK):
        end = start + BLOCK
        w, g, v = parameters[start:end], gradient[start:end], velocity[start:end]
        momentum(w, g, v, momentum_, share, nesterov, step_size)
        round_to_bfloat16(w, rounded[start:end])


@compiled(f"void({FLAT}, Array(real, 1, 'C', readonly=True), float64, {BITS})")
def add_scaled_rounded(x: Array, y: Array, factor: float, rounded: Bits) -> None:
    for start in range(0, len(x), BLOCK):
        end = start + BLOCK
        add_scaled(x[start:end], y[start:end], factor)
        round_to_bfloat16(x[start:end], rounded[start:end])
