"""Elementwise activations: each maps z to its output, in place where it can, with its own backward."""

from abc import ABC, abstractmethod
from functools import partial
from math import pi, sqrt
from typing import Annotated, ClassVar, Literal

import numpy as np

from workers.nn.arrays import Array, Buffers
from workers.nn.execution import Backward, Pass
from workers.nn.output_layers import sigmoid
from workers.tagged_union import ByName, Fraction, variant


class Activation(ABC):
    """y = f(z), elementwise. The kernel before it rectifies by `slope`; `wire` does what that leaves to do."""

    name: str
    slope: float = 1.0
    """z where z > 0, slope z elsewhere; 1 leaves z as it is."""

    @abstractmethod
    def wire(self, z: Array, buffers: Buffers) -> tuple[Array, list[Pass], Backward]:
        """As a layer is wired, to a z (any shape) that is rectified already and may be overwritten with y."""


class Rectifier(Activation):
    """Linear on both sides of zero: nothing is left to do."""

    def wire(self, z: Array, buffers: Buffers) -> tuple[Array, list[Pass], Backward]:
        return z, [], lambda dy: (dy, [])


class Curve(Activation):
    """Any other function, as two of NumPy's."""

    keeps_input: ClassVar[bool] = False
    """True where the backward needs z, so that y takes an array of its own."""

    @abstractmethod
    def forward(self, z: Array, y: Array) -> None:
        """Write f(z) to y, which is z itself unless `keeps_input`."""

    @abstractmethod
    def backward(self, dy: Array, z: Array, y: Array) -> None:
        """Turn dL/dy into dL/dz, in place; z and y, as forward left them, may be lost."""

    def wire(self, z: Array, buffers: Buffers) -> tuple[Array, list[Pass], Backward]:
        y = buffers("activated", z.shape, z.dtype) if self.keeps_input else z
        return y, [partial(self.forward, z, y)], lambda dy: (dy, [partial(self.backward, dy, z, y)])


class Identity(Rectifier):
    """f(z) = z: a layer that ends without an activation. Not part of a spec."""

    name = "identity"


@variant
class Relu(Rectifier):
    """max(z, 0); the derivative at 0 is taken as 0.

    Source: Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines.
    Oracle: torch.nn.functional.relu.
    """

    name: Literal["relu"] = "relu"
    slope = 0.0


@variant
class LeakyRelu(Rectifier):
    """max(z, slope z); the derivative at 0 is taken as the slope.

    Source: Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models.
    Oracle: torch.nn.functional.leaky_relu.
    """

    name: Literal["leaky_relu"] = "leaky_relu"
    slope: Fraction = 0.01


@variant
class Gelu(Curve):
    """z Phi(z), Phi the normal distribution function; dL/dz = dL/dy (Phi(z) + z phi(z)), phi its density.

    Source: Hendrycks & Gimpel 2016, Gaussian error linear units. Oracle: torch.nn.functional.gelu.
    """

    name: Literal["gelu"] = "gelu"
    keeps_input = True

    def forward(self, z: Array, y: Array) -> None:
        from scipy.special import ndtr

        ndtr(z, out=y)
        y *= z

    def backward(self, dy: Array, z: Array, y: Array) -> None:
        from scipy.special import ndtr

        slope = np.multiply(z, z, out=y)
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= z
        slope *= 1 / sqrt(2 * pi)
        slope += ndtr(z, out=z)
        dy *= slope


@variant
class Softplus(Curve):
    """log(1 + exp(z)), a smooth relu; dL/dz = dL/dy sigmoid(z) = dL/dy (1 - exp(-y)).

    Source: Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing.
    Oracle: torch.nn.functional.softplus.
    """

    name: Literal["softplus"] = "softplus"

    def forward(self, z: Array, y: Array) -> None:
        np.logaddexp(z, 0, out=y)

    def backward(self, dy: Array, z: Array, y: Array) -> None:
        np.negative(y, out=y)
        np.expm1(y, out=y)
        dy *= np.negative(y, out=y)


@variant
class Sigmoid(Curve):
    """1 / (1 + exp(-z)); dL/dz = dL/dy y (1 - y). Oracle: torch.sigmoid."""

    name: Literal["sigmoid"] = "sigmoid"

    def forward(self, z: Array, y: Array) -> None:
        sigmoid(z, out=y)

    def backward(self, dy: Array, z: Array, y: Array) -> None:
        dy *= y
        dy *= np.subtract(1, y, out=y)


@variant
class Tanh(Curve):
    """tanh(z); dL/dz = dL/dy (1 - y^2). Oracle: torch.tanh."""

    name: Literal["tanh"] = "tanh"

    def forward(self, z: Array, y: Array) -> None:
        np.tanh(z, out=y)

    def backward(self, dy: Array, z: Array, y: Array) -> None:
        np.multiply(y, y, out=y)
        dy *= np.subtract(1, y, out=y)


AnyActivation = Annotated[Relu | LeakyRelu | Gelu | Softplus | Sigmoid | Tanh, ByName()]
