"""A two-dimensional convolution over images (N, height, width, channels)."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape
from workers.nn.execution import Backward, Pass, no_backward
from workers.nn.layers.bias import wire_bias
from workers.nn.layers.im2col import Axis, Block, Padding, wire_windows
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Constant, Initial, Parameter


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
        initial: Initial,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: Padding = "same",
        activation: Activation | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels, self.filters, self.bias = channels, filters, bias
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.initial = initial
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        weight = {"weight": Parameter((*self.kernel, self.channels, self.filters), self.initial, decays=True)}
        return weight | ({"bias": Parameter((self.filters,), Constant(0.0))} if self.bias else {})

    def output_shape(self, input_shape: Shape) -> Shape:
        rows, columns = self._axes(input_shape[0], input_shape[1])
        return rows.count, columns.count, self.filters

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        rows, columns = self._axes(x.shape[1], x.shape[2])
        framing, blocks = wire_windows(x, rows, columns, self.buffers)
        z = self.buffers("z", (len(x), rows.count, columns.count, self.filters), x.dtype)
        matrix = self.values["weight"].reshape(-1, self.filters)
        y, ending, ending_backward = wire_bias(z, self.values, self.gradients, self.activation, self.buffers)

        def backward(dy: Array) -> tuple[Array, list[Pass]]:
            dz, passes = ending_backward(dy)
            passes = [*passes, *self._weight_gradient(blocks, dz)]
            if not self.needs_input_gradient:
                return dz, passes
            dx, input_passes = self._input_gradient(dz, x.shape, rows, columns)
            return dx, [*passes, *input_passes]

        return y, [*framing, *_correlate(blocks, matrix, z), *ending], backward if training else no_backward

    def _axes(self, height: int, width: int) -> tuple[Axis, Axis]:
        return (
            Axis.of(height, self.kernel[0], self.stride, self.padding),
            Axis.of(width, self.kernel[1], self.stride, self.padding),
        )

    def _weight_gradient(self, blocks: list[Block], dz: Array) -> list[Pass]:
        """The sum over the blocks; the windows of the last are still there from the way forward."""
        dweight = self.gradients["weight"].reshape(-1, self.filters)
        part = self.buffers("part", dweight.shape, dweight.dtype)
        passes: list[Pass] = []
        for block in reversed(blocks):
            slopes = dz[block.images].reshape(-1, self.filters)
            if block is blocks[-1]:
                passes.append(partial(np.dot, block.windows.T, slopes, dweight))
            else:
                passes += [
                    block.fill,
                    partial(np.dot, block.windows.T, slopes, part),
                    partial(np.add, dweight, part, dweight),
                ]
        return passes

    def _input_gradient(self, dz: Array, shape: Shape, rows: Axis, columns: Axis) -> tuple[Array, list[Pass]]:
        """The correlation of dz, its pixels a stride apart, with the kernel turned by 180 degrees."""
        dx = self.buffers("dx", shape, dz.dtype)
        framing, blocks = wire_windows(
            dz, rows.transposed, columns.transposed, self.buffers, spread=self.stride
        )
        turned = self.buffers("turned", (*self.kernel, self.filters, self.channels), dz.dtype)
        turn = partial(np.copyto, turned, self.values["weight"][::-1, ::-1].swapaxes(2, 3))
        return dx, [turn, *framing, *_correlate(blocks, turned.reshape(-1, self.channels), dx)]


def _correlate(blocks: list[Block], matrix: Array, out: Array) -> list[Pass]:
    """Every window times the kernel as a matrix (window, F), into out (N, rows, columns, F)."""
    passes: list[Pass] = []
    for block in blocks:
        passes += [
            block.fill,
            partial(np.dot, block.windows, matrix, out[block.images].reshape(-1, out.shape[3])),
        ]
    return passes
