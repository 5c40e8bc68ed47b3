"""A fully connected layer: y = f(x W + b)."""

from collections.abc import Mapping
from functools import partial

from workers.nn import kernels
from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape
from workers.nn.execution import Backward, Pass, no_backward
from workers.nn.layers.bias import bias_of
from workers.nn.layers.layer import Layer
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

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        kernel, slope = kernels.current(), self.activation.slope
        weight, dweight = self.values["weight"], self.gradients["weight"]
        z = self.buffers("z", (len(x), self.units), weight.dtype)
        bias, dbias = bias_of(self.values, self.gradients, z, self.buffers)
        y, passes, activation_backward = self.activation.wire(z, self.buffers)

        def backward(dy: Array) -> tuple[Array, list[Pass]]:
            dz, backward_passes = activation_backward(dy)
            wanted = len(x) if self.needs_input_gradient else 0
            dx = self.buffers("dx", (wanted, self.inputs), weight.dtype)
            products = partial(kernel.dense_backward, dz, z, slope, x, weight, dweight, dbias, dx)
            return dx if wanted else dz, [*backward_passes, products]

        product = partial(kernel.dense, x, weight, bias, slope, z)
        return y, [product, *passes], backward if training else no_backward
