"""Elementwise activations: each maps z to its output, in place where it can, with its own backward."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import pi, sqrt
from typing import Annotated, Literal

import numpy as np

from workers.nn.arrays import Array
from workers.nn.outputs import sigmoid
from workers.variant import ByName, Fraction, variant


class Activation(ABC):
    """y = f(z), elementwise. z (any shape) may be overwritten with y; the backward may overwrite dL/dy.

    The backward reads y, or z: neither may change before it is called.
    """

    name: str

    @abstractmethod
    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        """The output y and the map from dL/dy to dL/dz."""


class Identity(Activation):
    """f(z) = z: a layer that ends without an activation. Not part of a spec."""

    name = "identity"

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        return z, lambda dy: dy


@variant
class Relu(Activation):
    """max(z, 0); the derivative at 0 is taken as 0.

    Source: Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines.
    """

    name: Literal["relu"] = "relu"

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = np.maximum(z, 0, out=z)
        return y, lambda dy: np.multiply(dy, y > 0, out=dy)


@variant
class LeakyRelu(Activation):
    """max(z, slope z); the derivative at 0 is taken as the slope.

    Source: Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models.
    Oracle: torch.nn.functional.leaky_relu.
    """

    name: Literal["leaky_relu"] = "leaky_relu"
    slope: Fraction = 0.01

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = np.maximum(z, self.slope * z, out=z)
        return y, lambda dy: np.multiply(dy, self.slope, out=dy, where=y <= 0)


@variant
class Gelu(Activation):
    """z Phi(z), Phi the normal distribution function; dL/dz = dL/dy (Phi(z) + z phi(z)), phi its density.

    Source: Hendrycks & Gimpel 2016, Gaussian error linear units. Oracle: torch.nn.functional.gelu.
    """

    name: Literal["gelu"] = "gelu"

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        from scipy.special import ndtr

        below: Array = ndtr(z)

        def backward(dy: Array) -> Array:
            slope = np.exp(-0.5 * z * z)
            slope *= z
            slope *= 1 / sqrt(2 * pi)
            slope += below
            return np.multiply(dy, slope, out=dy)

        return z * below, backward


@variant
class Softplus(Activation):
    """log(1 + exp(z)), a smooth relu; dL/dz = dL/dy sigmoid(z) = dL/dy (1 - exp(-y)).

    Source: Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing.
    Oracle: torch.nn.functional.softplus.
    """

    name: Literal["softplus"] = "softplus"

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = np.logaddexp(z, 0, out=z)
        return y, lambda dy: np.multiply(dy, -np.expm1(-y), out=dy)


@variant
class Sigmoid(Activation):
    """1 / (1 + exp(-z)); dL/dz = dL/dy y (1 - y)."""

    name: Literal["sigmoid"] = "sigmoid"

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = sigmoid(z, out=z)
        return y, lambda dy: np.multiply(dy, y * (1 - y), out=dy)


@variant
class Tanh(Activation):
    """tanh(z); dL/dz = dL/dy (1 - y^2)."""

    name: Literal["tanh"] = "tanh"

    def __call__(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = np.tanh(z, out=z)
        return y, lambda dy: np.multiply(dy, 1 - y * y, out=dy)


AnyActivation = Annotated[Relu | LeakyRelu | Gelu | Softplus | Sigmoid | Tanh, ByName()]
