"""A fully connected layer: a product, a bias and a rectifier."""

import numpy as np

from workers.nn.arrays import Array
from workers.nn.kernels.reference.bias import add_bias, add_bias_backward


def dense(x: Array, weight: Array, bias: Array, slope: float, y: Array) -> None:
    np.dot(x, weight, y)
    add_bias(y, bias, slope)


def dense_backward(
    dy: Array,
    y: Array,
    slope: float,
    x: Array,
    weight: Array,
    dweight: Array,
    dbias: Array,
    dx: Array,
) -> None:
    add_bias_backward(dy, y, slope, dbias)
    np.dot(x.T, dy, dweight)
    if len(dx):
        np.dot(dy, weight.T, dx)
