"""A two-dimensional convolution over images (N, height, width, channels)."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape
from workers.nn.execution import BackwardPass, ForwardPass, Operation, no_backward
from workers.nn.initializers import Initializer, zeros
from workers.nn.layers.bias import plan_bias, plan_bits, plan_rounded_bias
from workers.nn.layers.im2col import Axis, Block, Padding, plan_windows
from workers.nn.layers.layer import Layer
from workers.nn.mixed_precision import MixedPrecision, Operand, plan_product
from workers.nn.parameters import Parameter


class Conv2D(Layer):
    """y[n, r, c] = f(sum_ij x[n, s r + i - top, s c + j - left] W[i, j] + b), with zeros outside the image.

    x (N, height, width, channels), W (kernel rows, kernel columns, channels, filters), b (filters,), s the
    stride, f elementwise. Padding "valid": only windows within the image. "same": ceil(height / s) by
    ceil(width / s) windows. Oracle: torch.nn.functional.conv2d.
    """

    reads_bits = True

    def __init__(
        self,
        channels: int,
        filters: int,
        *,
        initializer: Initializer,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: Padding = "same",
        activation: Activation | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels, self.filters, self.bias = channels, filters, bias
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.initializer = initializer
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        shape = (*self.kernel, self.channels, self.filters)
        weight = {"weight": Parameter(shape, self.initializer, decays=True)}
        return weight | ({"bias": Parameter((self.filters,), zeros)} if self.bias else {})

    def output_shape(self, input_shape: Shape) -> Shape:
        rows, columns = self._axes(input_shape[0], input_shape[1])
        return rows.count, columns.count, self.filters

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        mixed = self.mixed_precision if training else None
        rows, columns = self._axes(x.shape[1], x.shape[2])
        operand, rounding = (x, []) if mixed is None else plan_bits(x, self.buffers)
        padding, blocks = plan_windows(operand, rows, columns, self.buffers)
        z = self.buffers("z", (len(x), rows.count, columns.count, self.filters), self.values["weight"].dtype)
        biased = self._plan_bias(z, mixed)

        def plan_backward(dy: Array) -> BackwardPass:
            planned = biased.plan_backward(dy)
            dz = planned.dx
            operations = [*planned.operations, *self._plan_weight_gradient(blocks, dz, mixed)]
            if not self.needs_input_gradient:
                return BackwardPass(dz, operations)
            of_input = self._plan_input_gradient(dz, x.shape, rows, columns, mixed)
            return BackwardPass(of_input.dx, [*operations, *of_input.operations])

        correlation = _plan_correlation(blocks, self._weight(mixed).reshape(-1, self.filters), z, mixed)
        operations = [*rounding, *padding, *correlation, *biased.operations]
        return ForwardPass(biased.y, operations, plan_backward if training else no_backward)

    def _plan_bias(self, z: Array, mixed: MixedPrecision | None) -> ForwardPass:
        arguments = z, self.values, self.gradients, self.activation, self.buffers
        return (
            plan_bias(*arguments)
            if mixed is None
            else plan_rounded_bias(*arguments, gives_bits=self.gives_bits)
        )

    def _weight(self, mixed: MixedPrecision | None) -> Operand:
        return self.values["weight"] if mixed is None else mixed.weights["weight"]

    def _axes(self, height: int, width: int) -> tuple[Axis, Axis]:
        return (
            Axis.of(height, self.kernel[0], self.stride, self.padding),
            Axis.of(width, self.kernel[1], self.stride, self.padding),
        )

    def _plan_weight_gradient(
        self, blocks: list[Block], dz: Operand, mixed: MixedPrecision | None
    ) -> list[Operation]:
        """Sum the gradient over the blocks. The windows of the last one are still there from the forward pass."""
        dweight = self.gradients["weight"].reshape(-1, self.filters)
        part = self.buffers("part", dweight.shape, dweight.dtype)
        operations: list[Operation] = []
        for block in reversed(blocks):
            dz_of_block = dz[block.images].reshape(-1, self.filters)
            if block is blocks[-1]:
                operations.append(plan_product(block.windows, dz_of_block, dweight, mixed, a_transposed=True))
            else:
                operations += [
                    block.fill,
                    plan_product(block.windows, dz_of_block, part, mixed, a_transposed=True),
                    partial(np.add, dweight, part, dweight),
                ]
        return operations

    def _plan_input_gradient(
        self, dz: Operand, shape: Shape, rows: Axis, columns: Axis, mixed: MixedPrecision | None
    ) -> BackwardPass:
        """Correlate dz, dilated by the stride, with the kernel rotated by 180 degrees."""
        weight = self._weight(mixed)
        dx = self.buffers("dx", shape, self.values["weight"].dtype)
        padding, blocks = plan_windows(
            dz, rows.transposed, columns.transposed, self.buffers, dilation=self.stride
        )
        rotated = self.buffers("rotated", (*self.kernel, self.filters, self.channels), dz.dtype)
        rotate = partial(np.copyto, rotated, weight[::-1, ::-1].swapaxes(2, 3))
        correlation = _plan_correlation(blocks, rotated.reshape(-1, self.channels), dx, mixed)
        return BackwardPass(dx, [rotate, *padding, *correlation])


def _plan_correlation(
    blocks: list[Block], matrix: Operand, out: Array, mixed: MixedPrecision | None
) -> list[Operation]:
    """Multiply each window by the kernel as a matrix (window, F), into out (N, rows, columns, F)."""
    operations: list[Operation] = []
    for block in blocks:
        of_block = out[block.images].reshape(-1, out.shape[3])
        operations += [block.fill, plan_product(block.windows, matrix, of_block, mixed)]
    return operations
