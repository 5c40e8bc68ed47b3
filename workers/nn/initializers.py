"""Initial values of parameters. Those of weights are scaled so that signals neither vanish nor explode."""

from math import prod, sqrt
from typing import Annotated, Literal, Protocol

import numpy as np

from workers.nn.arrays import Array, Shape
from workers.tagged_union import ByName, variant


class Initializer(Protocol):
    """Draws the initial values of a parameter."""

    def __call__(self, shape: Shape, generator: np.random.Generator, /) -> Array:
        """Values of `shape` in float64; an initializer for weights needs at least two axes."""


def zeros(shape: Shape, _generator: np.random.Generator) -> Array:
    """Zeros, for biases and shifts. Draws nothing."""
    return np.zeros(shape)


def ones(shape: Shape, _generator: np.random.Generator) -> Array:
    """Ones, for scales. Draws nothing."""
    return np.ones(shape)


def fans(shape: Shape) -> tuple[int, int]:
    """The numbers of inputs and outputs of a unit (fan in, fan out).

    `shape` is that of weights, (in, out), or that of a convolution's kernel, (height, width, in, out).
    """
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


@variant
class GlorotUniform:
    """Uniform in [-a, a], a = sqrt(6 / (fan_in + fan_out)): for activations that are linear near 0, such as tanh.

    When: with tanh and sigmoid, for which it is the default.
    Source: Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    Oracle: torch.nn.init.xavier_uniform_.
    """

    name: Literal["glorot_uniform"] = "glorot_uniform"

    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array:
        limit = sqrt(6 / sum(fans(shape)))
        return generator.uniform(-limit, limit, shape)


@variant
class HeNormal:
    """Normal with mean 0 and variance 2 / fan_in: for rectifying activations, such as relu.

    When: with relu and its relatives, for which it is the default.
    Source: He et al. 2015, Delving deep into rectifiers. Oracle: torch.nn.init.kaiming_normal_.
    """

    name: Literal["he_normal"] = "he_normal"

    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array:
        return generator.normal(0, sqrt(2 / fans(shape)[0]), shape)


AnyInitializer = Annotated[GlorotUniform | HeNormal, ByName()]
