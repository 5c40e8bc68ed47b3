"""A fully connected layer in one call: for a small network, calls from Python cost more than the matrix products."""

from workers.nn.arrays import Array
from workers.nn.kernels.compiled.bias import add_bias, add_bias_backward
from workers.nn.kernels.compiled.compiler import compiled
from workers.nn.kernels.compiled.matmul import (
    multiply,
    multiply_left_transposed,
    multiply_right_transposed,
)

ROWS, VECTOR = "real[:,::1]", "real[::1]"


@compiled(f"void({ROWS}, {ROWS}, {VECTOR}, float64, {ROWS})")
def dense(x: Array, weight: Array, bias: Array, slope: float, y: Array) -> None:
    multiply(x, weight, y)
    add_bias(y, bias, slope)


@compiled(f"void({ROWS}, {ROWS}, float64, {ROWS}, {ROWS}, {ROWS}, {VECTOR}, {ROWS})")
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
    multiply_left_transposed(x, dy, dweight)
    if len(dx):
        multiply_right_transposed(dy, weight, dx)
