"""A fully connected layer: y = f(x W + b)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import numpy as np

from workers.nn import kernels
from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Bits, Shape
from workers.nn.execution import BackwardPass, ForwardPass, Operation, no_backward
from workers.nn.initializers import Initializer, zeros
from workers.nn.layers.bias import bias_and_gradient, plan_bits, plan_rounded_bias
from workers.nn.layers.layer import Layer
from workers.nn.mixed_precision import MixedPrecision
from workers.nn.parameters import Parameter


class Dense(Layer):
    """y = f(x W + b), x (N, inputs), W (inputs, units), b (units,), f elementwise.

    `bias=False` leaves b out, for a layer before batch norm, which would subtract it again.
    """

    reads_bits = True
    reads_zeros = False
    """Whether most elements of x are 0, as those of an encoded table are: only the others are multiplied then."""

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        initializer: Initializer,
        activation: Activation | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.inputs, self.units, self.bias = inputs, units, bias
        self.initializer = initializer
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        weight = {"weight": Parameter((self.inputs, self.units), self.initializer, decays=True)}
        return weight | ({"bias": Parameter((self.units,), zeros)} if self.bias else {})

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        if training and self.mixed_precision is not None and not self._skips_zeros:
            return self._plan_rounded(x, self.mixed_precision)
        weight = self.values["weight"]
        z = self.buffers("z", (len(x), self.units), weight.dtype)
        bias, dbias = bias_and_gradient(self.values, self.gradients, z, self.buffers)
        activated = self.activation.plan_forward(z, self.buffers)
        product, product_backward = self._products(x, z, bias, dbias)

        def plan_backward(dy: Array) -> BackwardPass:
            activation = activated.plan_backward(dy)
            dz, rows = activation.dx, len(x) if self.needs_input_gradient else 0
            dx = self.buffers("dx", (rows, self.inputs), weight.dtype)
            return BackwardPass(dx if rows else dz, [*activation.operations, product_backward(dz, dx)])

        return ForwardPass(
            activated.y, [product, *activated.operations], plan_backward if training else no_backward
        )

    @property
    def _skips_zeros(self) -> bool:
        """Whether it multiplies only what is not 0: nothing then needs its dL/dx."""
        return self.reads_zeros and not self.needs_input_gradient

    def _plan_rounded(self, x: Array, mixed: MixedPrecision) -> ForwardPass:
        """The same with products of bfloat16."""
        bits, rounding = plan_bits(x, self.buffers)
        weight, multiply = mixed.weights["weight"], mixed.products.plan
        z = self.buffers("z", (len(x), self.units), np.float32)
        biased = plan_rounded_bias(
            z, self.values, self.gradients, self.activation, self.buffers, gives_bits=self.gives_bits
        )

        def plan_backward(dy: Array) -> BackwardPass:
            planned = biased.plan_backward(dy)
            dz, dweight = cast("Bits", planned.dx), self.gradients["weight"]
            operations = [*planned.operations, multiply(bits, dz, dweight, a_transposed=True)]
            if not self.needs_input_gradient:
                return BackwardPass(dy, operations)
            dx = self.buffers("dx", (len(x), self.inputs), np.float32)
            return BackwardPass(dx, [*operations, multiply(dz, weight, dx, b_transposed=True)])

        return ForwardPass(
            biased.y, [*rounding, multiply(bits, weight, z), *biased.operations], plan_backward
        )

    def _products(
        self, x: Array, z: Array, bias: Array, dbias: Array
    ) -> tuple[Operation, Callable[[Array, Array], Operation]]:
        """z = f(x W + b), and for dL/dz and dL/dx what fills the gradients: by the kernels for what x mostly is."""
        kernel, slope = kernels.current(), self.activation.slope
        weight, dweight = self.values["weight"], self.gradients["weight"]
        if self._skips_zeros:
            places, counts = (
                self.buffers("places", x.shape, np.int32),
                self.buffers("counts", x.shape[:1], np.int64),
            )
            forward = partial(kernel.sparse_dense, x, weight, bias, slope, places, counts, z)
            return forward, lambda dz, _: partial(
                kernel.sparse_dense_backward, dz, z, slope, x, places, counts, dweight, dbias
            )
        return partial(kernel.dense, x, weight, bias, slope, z), lambda dz, dx: partial(
            kernel.dense_backward, dz, z, slope, x, weight, dweight, dbias, dx
        )
