"""Bias and rectifier after a matrix product, forward and backward."""

import numpy as np

from workers.nn.arrays import Array, Bits, Integers, filled
from workers.nn.kernels.reference.bfloat16 import round_to_bfloat16


def add_bias(z: Array, bias: Array, slope: float) -> None:
    z += bias
    _rectify(z, slope)


def add_bias_backward(dy: Array, y: Array, slope: float, dbias: Array) -> None:
    _rectify_backward(dy, y, slope)
    sum_rows(dy, dbias)


def add_bias_rounded(z: Array, bias: Array, slope: float, y: Bits) -> None:
    add_bias(z, bias, slope)
    round_to_bfloat16(z.reshape(-1), y.reshape(-1))


def add_bias_backward_rounded(dy: Array, y: Array | Integers, slope: float, dbias: Array, dz: Bits) -> None:
    if slope != 1:
        np.multiply(dy, slope, out=dy, where=~(y > 0))
    sum_rows(dy, dbias)
    round_to_bfloat16(dy.reshape(-1), dz.reshape(-1))


def sum_rows(x: Array, total: Array) -> None:
    np.matmul(filled(1.0, len(x), x.dtype), x, out=total)  # 2-15 times as fast as np.sum


def _rectify(z: Array, slope: float) -> None:
    if slope == 0:
        np.maximum(z, 0, out=z)
    elif slope != 1:
        np.multiply(z, slope, out=z, where=z <= 0)


def _rectify_backward(dy: Array, y: Array, slope: float) -> None:
    if slope == 0:
        np.greater(y, 0, out=y)
        dy *= y
    elif slope != 1:
        np.multiply(dy, slope, out=dy, where=y <= 0)
