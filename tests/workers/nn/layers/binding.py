"""A layer bound to parameters of its own, as a network would bind it."""

import numpy as np
from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Shape
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Parameters


def normal(shape: Shape, generator: np.random.Generator) -> Array:
    """An initialiser, where a test needs one."""
    return generator.normal(size=shape)


def bound(layer: Layer, dtype: DTypeLike = np.float64) -> Parameters:
    """Bind `layer`; every parameter is random, so that no gain of 1 and no shift of 0 hides a mistake."""
    parameters = Parameters([layer.parameters()], np.random.default_rng(0), dtype)
    parameters.values[...] = np.random.default_rng(1).normal(size=parameters.size)
    layer.bind(parameters.views(parameters.values)[0], parameters.views(parameters.gradient)[0])
    return parameters


def gradients(layer: Layer, x: Array, dy: Array) -> tuple[Array, Array, dict[str, Array]]:
    """y, dL/dx and the gradients of the parameters, for dL/dy; copies, all of them."""
    y, backward = layer.forward(x, training=True)
    y = y.copy()
    dx = backward(dy.copy()).copy()
    return y, dx, {name: gradient.copy() for name, gradient in layer.gradients.items()}
