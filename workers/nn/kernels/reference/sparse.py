"""A fully connected layer whose input is mostly zeros. NumPy has no faster way than the plain product."""

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.reference.dense import dense, dense_backward


def sparse_dense(
    x: Array, weight: Array, bias: Array, slope: float, places: Integers, counts: Integers, y: Array
) -> None:
    del places, counts  # only the compiled kernels need them
    dense(x, weight, bias, slope, y)


def sparse_dense_backward(
    dy: Array,
    y: Array,
    slope: float,
    x: Array,
    places: Integers,
    counts: Integers,
    dweight: Array,
    dbias: Array,
) -> None:
    del places, counts
    dense_backward(dy, y, slope, x, dweight, dweight, dbias, dweight[:0])
