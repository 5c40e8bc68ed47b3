"""The windows of a convolution: where they lie, and how they become the rows of matrices."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

from workers.nn import kernels
from workers.nn.arrays import Array, Buffers
from workers.nn.execution import Pass

Padding = Literal["same", "valid"]

BLOCK_ELEMENTS = 2**18
"""Of the columns that one matrix product reads: 1 MB in float32, about the second-level cache of a core."""


@dataclass(frozen=True)
class Axis:
    """One axis of an image: `count` windows of `kernel` pixels, `stride` apart, from `before` the edge on."""

    size: int
    kernel: int
    stride: int
    count: int
    before: int

    @classmethod
    def of(cls, size: int, kernel: int, stride: int, padding: Padding) -> "Axis":
        """The windows of an axis: "valid" the ones within it, "same" as many as ceil(size / stride).

        "same" pads evenly, or with one zero more behind than before.
        """
        if padding == "valid":
            return cls(size, kernel, stride, max(0, (size - kernel) // stride + 1), before=0)
        count = -(-size // stride)
        return cls(size, kernel, stride, count, before=max(0, (count - 1) * stride + kernel - size) // 2)

    @property
    def padded(self) -> int:
        """The pixels from the first to the end of the last window, or of the axis."""
        return max(self.before + self.size, (self.count - 1) * self.stride + self.kernel)

    @property
    def transposed(self) -> "Axis":
        """The axis of the way back: one window a pixel, over the gradients of the windows, a stride apart."""
        span = (self.count - 1) * self.stride + 1
        return Axis(span, self.kernel, 1, self.size, self.kernel - 1 - self.before)


@dataclass(frozen=True)
class Block:
    """Some of the images: which, their windows as the rows of a matrix, and the pass that fills it."""

    images: slice
    windows: Array
    fill: Pass


def wire_windows(
    x: Array, rows: Axis, columns: Axis, buffers: Buffers, *, spread: int = 1
) -> tuple[list[Pass], list[Block]]:
    """The windows of images x (N, h, w, C), a row of kernel rows x kernel columns x C for each.

    Zeros surround the pixels, and separate them where they lie `spread` apart: the passes answered see to
    that. The blocks, each of at most BLOCK_ELEMENTS, share one matrix: each is used before the next is filled.
    """
    frame = (len(x), rows.padded, columns.padded, x.shape[3])
    framed = x if frame == x.shape else buffers("framed", frame, x.dtype)
    passes: list[Pass] = [] if framed is x else [partial(_frame, x, rows, columns, spread, framed)]
    shape = rows.count, columns.count, rows.kernel, columns.kernel, x.shape[3]
    step = max(1, BLOCK_ELEMENTS // math.prod(shape))
    blocks = []
    for start in range(0, len(x), step):
        images = slice(start, min(start + step, len(x)))
        windows = buffers("columns", (images.stop - start, *shape), x.dtype)
        fill = partial(kernels.current().copy_windows, framed[images], rows.stride, windows)
        blocks.append(Block(images, windows.reshape(-1, math.prod(shape[2:])), fill))
    return passes, blocks


def _frame(x: Array, rows: Axis, columns: Axis, spread: int, framed: Array) -> None:
    framed.fill(0)
    down = slice(rows.before, rows.before + rows.size, spread)
    across = slice(columns.before, columns.before + columns.size, spread)
    framed[:, down, across] = x
