"""Whole training steps of a small network of dense layers: calls from Python would take as long as its products."""

import math

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled
from workers.nn.kernels.compiled.dense import ROWS, VECTOR, dense, dense_backward
from workers.nn.kernels.compiled.losses import VECTOR as CONSTANTS
from workers.nn.kernels.compiled.losses import cross_entropy
from workers.nn.kernels.compiled.optimizers import adam
from workers.nn.kernels.compiled.rows import INTEGERS, STATISTICS, for_bytes_and_floats, gather

RATES = "Array(float64, 1, 'C', readonly=True)"
NETWORK = "Array(int64, 2, 'C', readonly=True)"


@compiled(
    *for_bytes_and_floats(
        f"{INTEGERS}, {INTEGERS}, {INTEGERS}, {STATISTICS}, {STATISTICS},"
        f" {NETWORK}, {RATES}, {CONSTANTS}, {CONSTANTS}, float64,"
        f" {ROWS}, int64[::1], {VECTOR}, {VECTOR}, {VECTOR},"
        f" {VECTOR}, {VECTOR}, {VECTOR}, {VECTOR}, float64, float64, {RATES}, {RATES}",
        returns="int64",
    )
)
def dense_steps(
    features: Array | Integers,
    labels: Integers,
    rows: Integers,
    starts: Integers,
    offset: Array,
    factor: Array,
    layers: Integers,
    slopes: Array,
    offsets: Array,
    weights: Array,
    smoothing: float,
    x: Array,
    y: Integers,
    outputs: Array,
    gradients: Array,
    losses: Array,
    parameters: Array,
    gradient: Array,
    first: Array,
    second: Array,
    beta1: float,
    beta2: float,
    step_sizes: Array,
    epsilons: Array,
) -> int:
    last = len(layers) - 1
    for step in range(len(step_sizes)):
        of_step = rows[starts[step] : starts[step + 1]]
        size, batch, truth = len(of_step), x[: len(of_step)], y[: len(of_step)]
        gather(features, labels, of_step, offset, factor, batch, truth)
        given = batch
        for k in range(last + 1):
            weight, bias, inputs, units, place = layers[k]
            z = outputs[place : place + size * units].reshape((size, units))
            matrix = parameters[weight : weight + inputs * units].reshape((inputs, units))
            dense(given, matrix, parameters[bias : bias + units], slopes[k], z)
            given = z
        _, _, _, classes, place = layers[last]
        dz = gradients[place : place + size * classes].reshape((size, classes))
        if not math.isfinite(cross_entropy(given, truth, offsets, weights, smoothing, 1 / size, losses, dz)):
            return step
        for k in range(last, -1, -1):
            weight, bias, inputs, units, place = layers[k]
            z = outputs[place : place + size * units].reshape((size, units))
            before, dx = batch, x[:0]
            if k > 0:
                place = layers[k - 1, 4]
                before = outputs[place : place + size * inputs].reshape((size, inputs))
                dx = gradients[place : place + size * inputs].reshape((size, inputs))
            matrix = parameters[weight : weight + inputs * units].reshape((inputs, units))
            dmatrix = gradient[weight : weight + inputs * units].reshape((inputs, units))
            dense_backward(dz, z, slopes[k], before, matrix, dmatrix, gradient[bias : bias + units], dx)
            dz = dx
        adam(parameters, gradient, first, second, beta1, beta2, step_sizes[step], epsilons[step])
    return len(step_sizes)
