"""Elementwise activation functions, each with its derivative. They work in place if they can."""

from abc import ABC, abstractmethod
from functools import partial
from math import pi, sqrt
from typing import Annotated, ClassVar, Literal

import numpy as np

from workers.nn.arrays import Array, Buffers
from workers.nn.execution import BackwardPass, ForwardPass
from workers.nn.output_layers import sigmoid
from workers.tagged_union import ByName, Fraction, variant


class Activation(ABC):
    """y = f(z), elementwise.

    f is a rectifier followed by another function. The kernel that computes z applies the rectifier in the same sweep;
    `plan_forward` plans the rest.
    """

    name: str
    slope: float = 1.0
    """The rectifier: z if z > 0, else slope z. A slope of 1 leaves z as it is."""

    @abstractmethod
    def plan_forward(self, z: Array, buffers: Buffers) -> ForwardPass:
        """Plan what follows the rectifier, for z of any shape. It may overwrite z with y."""


class Rectifier(Activation):
    """An activation that is linear on both sides of zero: nothing follows the rectifier."""

    def plan_forward(self, z: Array, buffers: Buffers) -> ForwardPass:
        return ForwardPass(z, [], lambda dy: BackwardPass(dy, []))


class SmoothActivation(Activation):
    """An activation that is not a rectifier, computed by NumPy or SciPy."""

    needs_input: ClassVar[bool] = False
    """Whether the backward pass needs z. If so, y gets an array of its own."""

    @abstractmethod
    def forward(self, z: Array, y: Array) -> None:
        """Write f(z) to y, which is z itself unless `needs_input`."""

    @abstractmethod
    def backward(self, dy: Array, z: Array, y: Array) -> None:
        """Turn dL/dy into dL/dz in place, given z and y as `forward` left them. May overwrite z and y."""

    def plan_forward(self, z: Array, buffers: Buffers) -> ForwardPass:
        y = buffers("activated", z.shape, z.dtype) if self.needs_input else z
        return ForwardPass(
            y, [partial(self.forward, z, y)], lambda dy: BackwardPass(dy, [partial(self.backward, dy, z, y)])
        )


class Identity(Rectifier):
    """f(z) = z, for a layer without an activation. A spec cannot name it."""

    name = "identity"


@variant
class Relu(Rectifier):
    """max(z, 0); the derivative at 0 is taken as 0.

    When: to begin with.
    Source: Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines.
    Oracle: torch.nn.functional.relu.
    """

    name: Literal["relu"] = "relu"
    slope = 0.0


@variant
class LeakyRelu(Rectifier):
    """max(z, slope z); the derivative at 0 is taken as the slope.

    When: if units of relu are 0 for every row, and no longer learn.
    Source: Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models.
    Oracle: torch.nn.functional.leaky_relu.
    """

    name: Literal["leaky_relu"] = "leaky_relu"
    slope: Fraction = 0.01


@variant
class Gelu(SmoothActivation):
    """z Phi(z), Phi the normal distribution function; dL/dz = dL/dy (Phi(z) + z phi(z)), phi its density.

    When: if a smooth activation may train better; it takes longer than relu.
    Source: Hendrycks & Gimpel 2016, Gaussian error linear units. Oracle: torch.nn.functional.gelu.
    """

    name: Literal["gelu"] = "gelu"
    needs_input = True

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
class Softplus(SmoothActivation):
    """log(1 + exp(z)), a smooth relu; dL/dz = dL/dy sigmoid(z) = dL/dy (1 - exp(-y)).

    When: if a smooth activation must not be negative.
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
class Sigmoid(SmoothActivation):
    """1 / (1 + exp(-z)); dL/dz = dL/dy y (1 - y). Oracle: torch.sigmoid.

    When: to see why deep networks of it hardly train.
    """

    name: Literal["sigmoid"] = "sigmoid"

    def forward(self, z: Array, y: Array) -> None:
        sigmoid(z, out=y)

    def backward(self, dy: Array, z: Array, y: Array) -> None:
        dy *= y
        dy *= np.subtract(1, y, out=y)


@variant
class Tanh(SmoothActivation):
    """tanh(z); dL/dz = dL/dy (1 - y^2). Oracle: torch.tanh.

    When: in shallow networks on standardised features.
    """

    name: Literal["tanh"] = "tanh"

    def forward(self, z: Array, y: Array) -> None:
        np.tanh(z, out=y)

    def backward(self, dy: Array, z: Array, y: Array) -> None:
        np.multiply(y, y, out=y)
        dy *= np.subtract(1, y, out=y)


AnyActivation = Annotated[Relu | LeakyRelu | Gelu | Softplus | Sigmoid | Tanh, ByName()]
