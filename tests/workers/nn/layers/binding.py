"""Binds a layer to parameters of its own, as a network does."""

import numpy as np
from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Shape
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Parameters


def normal(shape: Shape, generator: np.random.Generator) -> Array:
    """An initializer for tests."""
    return generator.normal(size=shape)


def bound(layer: Layer, dtype: DTypeLike = np.float64) -> Parameters:
    """Bind `layer` to random parameters, so that no scale of 1 and no shift of 0 hides a mistake."""
    parameters = Parameters([layer.parameters()], np.random.default_rng(0), dtype)
    parameters.values[...] = np.random.default_rng(1).normal(size=parameters.size)
    layer.bind(parameters.views(parameters.values)[0], parameters.views(parameters.gradient)[0])
    return parameters


def gradients(layer: Layer, x: Array, dy: Array) -> tuple[Array, Array, dict[str, Array]]:
    """Copies of y, of dL/dx and of the gradients of the parameters, for dL/dy."""
    y, backward = layer.forward(x, training=True)
    y = y.copy()
    dx = backward(dy.copy()).copy()
    return y, dx, {name: gradient.copy() for name, gradient in layer.gradients.items()}
