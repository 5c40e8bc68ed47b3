"""A fully connected layer: y = f(x W + b)."""

from collections.abc import Mapping

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape, sum_rows
from workers.nn.layers.layer import Backward, Layer, no_backward
from workers.nn.parameters import Constant, Initial, Parameter


class Dense(Layer):
    """y = f(x W + b), x (N, inputs), W (inputs, units), b (units,), f elementwise.

    `bias=False` leaves b out: batch norm follows and would subtract it again.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        initial: Initial,
        activation: Activation | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.inputs, self.units, self.bias = inputs, units, bias
        self.initial = initial
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        weight = {"weight": Parameter((self.inputs, self.units), self.initial, decays=True)}
        return weight | ({"bias": Parameter((self.units,), Constant(0.0))} if self.bias else {})

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        weight = self.values["weight"]
        z = np.matmul(x, weight, out=self.buffers("z", (len(x), self.units), weight.dtype))
        if self.bias:
            z += self.values["bias"]
        y, activation_backward = self.activation(z)
        if not training:
            return y, no_backward

        def backward(dy: Array) -> Array:
            dz = activation_backward(dy)
            np.matmul(x.T, dz, out=self.gradients["weight"])
            if self.bias:
                sum_rows(dz, out=self.gradients["bias"])
            if not self.needs_input_gradient:
                return dz
            return np.matmul(dz, weight.T, out=self.buffers("dx", x.shape, weight.dtype))

        return y, backward
