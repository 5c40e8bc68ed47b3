"""im2col: copy the windows of a convolution into the rows of a matrix, so that one matrix product computes it."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

from workers.nn import kernels
from workers.nn.arrays import Buffers
from workers.nn.execution import Operation
from workers.nn.mixed_precision import Operand

Padding = Literal["same", "valid"]

BLOCK_ELEMENTS = 2**18
"""Elements of the matrix that one product reads: 1 MB in float32, about the size of a core's L2 cache."""


@dataclass(frozen=True)
class Axis:
    """One axis of an image: `count` windows of `kernel` pixels, `stride` apart, after `before` pixels of padding."""

    size: int
    kernel: int
    stride: int
    count: int
    before: int

    @classmethod
    def of(cls, size: int, kernel: int, stride: int, padding: Padding) -> "Axis":
        """The windows along an axis: for "valid" those within the image, for "same" ceil(size / stride).

        "same" pads both ends evenly, or the far end with one zero more.
        """
        if padding == "valid":
            return cls(size, kernel, stride, max(0, (size - kernel) // stride + 1), before=0)
        count = -(-size // stride)
        return cls(size, kernel, stride, count, before=max(0, (count - 1) * stride + kernel - size) // 2)

    @property
    def padded(self) -> int:
        """The length with padding: up to the end of the last window or of the image, whichever is further."""
        return max(self.before + self.size, (self.count - 1) * self.stride + self.kernel)

    @property
    def transposed(self) -> "Axis":
        """The axis of the backward pass: one window per pixel, over the gradients dilated by the stride."""
        span = (self.count - 1) * self.stride + 1
        return Axis(span, self.kernel, 1, self.size, self.kernel - 1 - self.before)


@dataclass(frozen=True)
class Block:
    """Some of the images: their indices, their windows as the rows of a matrix, and the operation that fills it."""

    images: slice
    windows: Operand
    fill: Operation


def plan_windows(
    x: Operand, rows: Axis, columns: Axis, buffers: Buffers, *, dilation: int = 1
) -> tuple[list[Operation], list[Block]]:
    """Plan the windows of images x (N, h, w, C): each becomes a row of kernel rows x kernel columns x C elements.

    Returns the operations that pad x with zeros, and separate its pixels by zeros if `dilation` is above 1; and the
    blocks, each of at most BLOCK_ELEMENTS. The blocks share one matrix: use each before you fill the next.
    """
    shape = (len(x), rows.padded, columns.padded, x.shape[3])
    padded = x if shape == x.shape else buffers("padded", shape, x.dtype)
    padding: list[Operation] = [] if padded is x else [partial(_pad, x, rows, columns, dilation, padded)]
    windows_shape = rows.count, columns.count, rows.kernel, columns.kernel, x.shape[3]
    step = max(1, BLOCK_ELEMENTS // math.prod(windows_shape))
    blocks = []
    for start in range(0, len(x), step):
        images = slice(start, min(start + step, len(x)))
        windows = buffers("columns", (images.stop - start, *windows_shape), x.dtype)
        fill = partial(kernels.current().copy_windows, padded[images], rows.stride, windows)
        blocks.append(Block(images, windows.reshape(-1, math.prod(windows_shape[2:])), fill))
    return padding, blocks


def _pad(x: Operand, rows: Axis, columns: Axis, dilation: int, padded: Operand) -> None:
    padded.fill(0)
    down = slice(rows.before, rows.before + rows.size, dilation)
    across = slice(columns.before, columns.before + columns.size, dilation)
    padded[:, down, across] = x
