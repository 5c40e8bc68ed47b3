"""The windows of a convolution: where they lie, views of them, and their products with a kernel."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided

from workers.nn.arrays import Array, Buffers

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


def windows_of(x: Array, rows: Axis, columns: Axis, buffers: Buffers, *, spread: int = 1) -> Array:
    """The windows of images x (N, h, w, C) as a view (N, rows, columns, kernel rows, kernel columns, C).

    Zeros surround the pixels, and separate them where they lie `spread` apart.
    """
    frame = (len(x), rows.padded, columns.padded, x.shape[3])
    if frame != x.shape:
        x = _framed(x, rows, columns, spread, out=buffers("framed", frame, x.dtype))
    image, row, column, channel = x.strides
    return as_strided(
        x,
        (len(x), rows.count, columns.count, rows.kernel, columns.kernel, x.shape[3]),
        (image, row * rows.stride, column * columns.stride, row, column, channel),
        writeable=False,
    )


def _framed(x: Array, rows: Axis, columns: Axis, spread: int, out: Array) -> Array:
    out.fill(0)
    down = slice(rows.before, rows.before + rows.size, spread)
    across = slice(columns.before, columns.before + columns.size, spread)
    out[:, down, across] = x
    return out


def blocks(windows: Array, buffers: Buffers) -> Iterator[tuple[slice, Array]]:
    """Slices of the images, each with its windows as the rows of a matrix of at most BLOCK_ELEMENTS."""
    step = max(1, BLOCK_ELEMENTS // math.prod(windows.shape[1:]))
    for start in range(0, len(windows), step):
        block = slice(start, start + step)
        columns = buffers("columns", windows[block].shape, windows.dtype)
        _copy(windows[block], columns)
        yield block, columns.reshape(-1, math.prod(windows.shape[3:]))


def _copy(windows: Array, columns: Array) -> None:
    if windows.shape[5] > 1:
        np.copyto(columns, windows)
        return
    for row, column in np.ndindex(windows.shape[3:5]):  # of one channel, 3 times as fast: longer runs
        columns[:, :, :, row, column] = windows[:, :, :, row, column]


def correlate(windows: Array, kernel: Array, out: Array, buffers: Buffers) -> Array:
    """Every window times the kernel (rows, columns, C, F), into out (N, rows, columns, F)."""
    filters = kernel.shape[3]
    matrix = kernel.reshape(-1, filters)
    for block, columns in blocks(windows, buffers):
        np.matmul(columns, matrix, out=out[block].reshape(-1, filters))
    return out
