"""Whole training steps of a network of dense layers: what its kernels do, one after the other."""

import math

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.reference.dense import dense, dense_backward
from workers.nn.kernels.reference.losses import cross_entropy
from workers.nn.kernels.reference.optimizers import adam
from workers.nn.kernels.reference.rows import gather


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
            dense(given, matrix, parameters[bias : bias + units], float(slopes[k]), z)
            given = z
        _, _, _, classes, place = layers[last]
        dz = gradients[place : place + size * classes].reshape((size, classes))
        if not math.isfinite(
            cross_entropy(given, truth, offsets, weights, smoothing, 1 / size, losses[:size], dz)
        ):
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
            dense_backward(
                dz, z, float(slopes[k]), before, matrix, dmatrix, gradient[bias : bias + units], dx
            )
            dz = dx
        adam(
            parameters,
            gradient.copy(),
            first,
            second,
            beta1,
            beta2,
            float(step_sizes[step]),
            float(epsilons[step]),
        )
    return len(step_sizes)
