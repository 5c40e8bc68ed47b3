"""A two-dimensional convolution over images (N, height, width, channels)."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape
from workers.nn.execution import BackwardPass, ForwardPass, Operation, no_backward
from workers.nn.initializers import Initializer, zeros
from workers.nn.layers.bias import plan_bias
from workers.nn.layers.im2col import Axis, Block, Padding, plan_windows
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Parameter


class Conv2D(Layer):
    """y[n, r, c] = f(sum_ij x[n, s r + i - top, s c + j - left] W[i, j] + b), with zeros outside the image.

    x (N, height, width, channels), W (kernel rows, kernel columns, channels, filters), b (filters,), s the
    stride, f elementwise. Padding "valid": only windows within the image. "same": ceil(height / s) by
    ceil(width / s) windows. Oracle: torch.nn.functional.conv2d.
    """

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
        rows, columns = self._axes(x.shape[1], x.shape[2])
        padding, blocks = plan_windows(x, rows, columns, self.buffers)
        z = self.buffers("z", (len(x), rows.count, columns.count, self.filters), x.dtype)
        matrix = self.values["weight"].reshape(-1, self.filters)
        biased = plan_bias(z, self.values, self.gradients, self.activation, self.buffers)

        def plan_backward(dy: Array) -> BackwardPass:
            planned = biased.plan_backward(dy)
            dz = planned.dx
            operations = [*planned.operations, *self._plan_weight_gradient(blocks, dz)]
            if not self.needs_input_gradient:
                return BackwardPass(dz, operations)
            of_input = self._plan_input_gradient(dz, x.shape, rows, columns)
            return BackwardPass(of_input.dx, [*operations, *of_input.operations])

        operations = [*padding, *_plan_correlation(blocks, matrix, z), *biased.operations]
        return ForwardPass(biased.y, operations, plan_backward if training else no_backward)

    def _axes(self, height: int, width: int) -> tuple[Axis, Axis]:
        return (
            Axis.of(height, self.kernel[0], self.stride, self.padding),
            Axis.of(width, self.kernel[1], self.stride, self.padding),
        )

    def _plan_weight_gradient(self, blocks: list[Block], dz: Array) -> list[Operation]:
        """Sum the gradient over the blocks. The windows of the last one are still there from the forward pass."""
        dweight = self.gradients["weight"].reshape(-1, self.filters)
        part = self.buffers("part", dweight.shape, dweight.dtype)
        operations: list[Operation] = []
        for block in reversed(blocks):
            dz_of_block = dz[block.images].reshape(-1, self.filters)
            if block is blocks[-1]:
                operations.append(partial(np.dot, block.windows.T, dz_of_block, dweight))
            else:
                operations += [
                    block.fill,
                    partial(np.dot, block.windows.T, dz_of_block, part),
                    partial(np.add, dweight, part, dweight),
                ]
        return operations

    def _plan_input_gradient(self, dz: Array, shape: Shape, rows: Axis, columns: Axis) -> BackwardPass:
        """Correlate dz, dilated by the stride, with the kernel rotated by 180 degrees."""
        dx = self.buffers("dx", shape, dz.dtype)
        padding, blocks = plan_windows(
            dz, rows.transposed, columns.transposed, self.buffers, dilation=self.stride
        )
        rotated = self.buffers("rotated", (*self.kernel, self.filters, self.channels), dz.dtype)
        rotate = partial(np.copyto, rotated, self.values["weight"][::-1, ::-1].swapaxes(2, 3))
        correlation = _plan_correlation(blocks, rotated.reshape(-1, self.channels), dx)
        return BackwardPass(dx, [rotate, *padding, *correlation])


def _plan_correlation(blocks: list[Block], matrix: Array, out: Array) -> list[Operation]:
    """Multiply each window by the kernel as a matrix (window, F), into out (N, rows, columns, F)."""
    operations: list[Operation] = []
    for block in blocks:
        operations += [
            block.fill,
            partial(np.dot, block.windows, matrix, out[block.images].reshape(-1, out.shape[3])),
        ]
    return operations
