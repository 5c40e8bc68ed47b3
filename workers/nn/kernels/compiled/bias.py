"""Bias and rectifier after a matrix product, forward and backward, in one sweep."""

import numpy as np

from workers.nn.arrays import Array, Bits, Integers
from workers.nn.kernels.compiled.bfloat16 import bits_of
from workers.nn.kernels.compiled.compiler import compiled


@compiled("void(real[:,::1], real[::1], float64)")
def add_bias(z: Array, bias: Array, slope: float) -> None:
    zero, below = z.dtype.type(0), z.dtype.type(slope)
    for i in range(z.shape[0]):
        if slope == 0:
            for j in range(z.shape[1]):
                shifted = z[i, j] + bias[j]
                z[i, j] = zero if shifted <= 0 else shifted  # NaN stays NaN
        else:
            for j in range(z.shape[1]):
                shifted = z[i, j] + bias[j]
                z[i, j] = below * shifted if shifted <= 0 else shifted


@compiled("void(real[:,::1], real[:,::1], float64, real[::1])")
def add_bias_backward(dy: Array, y: Array, slope: float, dbias: Array) -> None:
    one, below = dy.dtype.type(1), dy.dtype.type(slope)
    total = np.zeros(dy.shape[1])
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            dz = dy[i, j] * (one if y[i, j] > 0 else below)
            dy[i, j] = dz
            total[j] += dz
    for j in range(dy.shape[1]):
        dbias[j] = total[j]


@compiled("void(real[:,::1], real[::1])")
def sum_rows(x: Array, total: Array) -> None:
    exact = np.zeros(x.shape[1])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            exact[j] += x[i, j]
    for j in range(x.shape[1]):
        total[j] = exact[j]


@compiled("void(real[:,::1], real[::1], float64, uint16[:,::1])")
def add_bias_rounded(z: Array, bias: Array, slope: float, y: Bits) -> None:
    below = z.dtype.type(slope)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            shifted = z[i, j] + bias[j]
            y[i, j] = bits_of(below * shifted if shifted <= 0 else shifted)


@compiled(
    *(f"void(real[:,::1], {y}[:,::1], float64, real[::1], uint16[:,::1])" for y in ("real", "int16")),
)
def add_bias_backward_rounded(dy: Array, y: Array | Integers, slope: float, dbias: Array, dz: Bits) -> None:
    one, below = dy.dtype.type(1), dy.dtype.type(slope)
    total = np.zeros(dy.shape[1])
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            dzij = dy[i, j] * (one if y[i, j] > 0 else below)
            dz[i, j] = bits_of(dzij)
            total[j] += dzij
    for j in range(dy.shape[1]):
        dbias[j] = total[j]
