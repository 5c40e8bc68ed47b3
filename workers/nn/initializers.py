"""Initial values of weights, scaled so that signals neither die nor explode on their way."""

from abc import ABC, abstractmethod
from math import prod, sqrt
from typing import Annotated, Literal

import numpy as np

from workers.nn.arrays import Array, Shape
from workers.tagged_union import ByName, variant


def fans(shape: Shape) -> tuple[int, int]:
    """What enters and what leaves a unit: of weights (in, out), or of a kernel (height, width, in, out)."""
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class Initializer(ABC):
    """Draws the initial values of a weight array; an `Initial` that a spec can name."""

    name: str

    @abstractmethod
    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Values of `shape`, at least two axes, in float64."""


@variant
class GlorotUniform(Initializer):
    """Uniform in [-a, a], a = sqrt(6 / (fan_in + fan_out)): for activations that are linear near 0, such as tanh.

    Source: Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    Oracle: torch.nn.init.xavier_uniform_.
    """

    name: Literal["glorot_uniform"] = "glorot_uniform"

    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array:
        limit = sqrt(6 / sum(fans(shape)))
        return generator.uniform(-limit, limit, shape)


@variant
class HeNormal(Initializer):
    """Normal with mean 0 and variance 2 / fan_in: for rectifying activations, such as relu.

    Source: He et al. 2015, Delving deep into rectifiers. Oracle: torch.nn.init.kaiming_normal_.
    """

    name: Literal["he_normal"] = "he_normal"

    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array:
        return generator.normal(0, sqrt(2 / fans(shape)[0]), shape)


AnyInitializer = Annotated[GlorotUniform | HeNormal, ByName()]
