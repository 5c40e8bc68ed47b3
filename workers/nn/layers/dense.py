"""A fully connected layer: y = f(x W + b)."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape
from workers.nn.layers.bias import wire_bias
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Constant, Initial, Parameter
from workers.nn.passes import Backward, Pass, no_backward


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

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        weight = self.values["weight"]
        z = self.buffers("z", (len(x), self.units), weight.dtype)
        y, ending, ending_backward = wire_bias(z, self.values, self.gradients, self.activation, self.buffers)

        def backward(dy: Array) -> tuple[Array, list[Pass]]:
            dz, passes = ending_backward(dy)
            passes = [*passes, partial(np.dot, x.T, dz, self.gradients["weight"])]
            if not self.needs_input_gradient:
                return dz, passes
            dx = self.buffers("dx", x.shape, weight.dtype)
            return dx, [*passes, partial(np.dot, dz, weight.T, dx)]

        return y, [partial(np.dot, x, weight, z), *ending], backward if training else no_backward
