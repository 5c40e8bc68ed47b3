"""A fully connected layer whose input is mostly zeros, as an encoded table is: it multiplies what is not zero."""

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.bias import add_bias, add_bias_backward
from workers.nn.kernels.compiled.compiler import compiled

ROWS, VECTOR = "real[:,::1]", "real[::1]"
PLACES, COUNTS = "int32[:,::1]", "int64[::1]"


@compiled(f"void({ROWS}, {ROWS}, {VECTOR}, float64, {PLACES}, {COUNTS}, {ROWS})")
def sparse_dense(
    x: Array, weight: Array, bias: Array, slope: float, places: Integers, counts: Integers, y: Array
) -> None:
    for i in range(x.shape[0]):
        count = 0
        for j in range(x.shape[1]):
            places[i, count] = j  # without a branch: the next place overwrites that of a zero
            count += x[i, j] != 0
        counts[i] = count
        y[i, :] = 0
        k = 0
        while k + 4 <= count:  # four at a time: each sum is loaded and stored once for four products
            a, b, c, d = places[i, k], places[i, k + 1], places[i, k + 2], places[i, k + 3]
            xa, xb, xc, xd = x[i, a], x[i, b], x[i, c], x[i, d]
            for u in range(y.shape[1]):
                y[i, u] += xa * weight[a, u] + xb * weight[b, u] + xc * weight[c, u] + xd * weight[d, u]
            k += 4
        while k < count:
            a = places[i, k]
            xa = x[i, a]
            for u in range(y.shape[1]):
                y[i, u] += xa * weight[a, u]
            k += 1
    add_bias(y, bias, slope)


@compiled(f"void({ROWS}, {ROWS}, float64, {ROWS}, {PLACES}, {COUNTS}, {ROWS}, {VECTOR})")
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
    add_bias_backward(dy, y, slope, dbias)
    dweight[:, :] = 0
    for i in range(x.shape[0]):
        for k in range(counts[i]):
            j = places[i, k]
            value = x[i, j]
            for u in range(dy.shape[1]):
                dweight[j, u] += value * dy[i, u]
