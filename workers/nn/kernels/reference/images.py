"""Max pooling of images (N, height, width, channels), and im2col, which copies convolution windows into rows."""

import numpy as np

from workers.nn.arrays import Array, Bits


def max_pool(x: Array, size: int, y: Array) -> None:
    first, *others = _candidates(x, y, size)
    np.copyto(y, first)
    for candidate in others:
        np.maximum(y, candidate, out=y)


def max_pool_backward(dy: Array, x: Array, y: Array, size: int, dx: Array) -> None:
    won = np.empty(y.shape, bool)
    dx.fill(0)  # trailing rows and columns that fill no square
    for candidate, dcandidate in zip(_candidates(x, y, size), _candidates(dx, y, size), strict=True):
        np.equal(candidate, y, out=won)
        np.copyto(dcandidate, dy, where=won)
        np.copyto(dy, 0, where=won)  # only the first maximum gets the gradient


def _candidates(images: Array, pooled: Array, size: int) -> list[Array]:
    """For each position in a square, the view of that pixel of all squares, in the shape of `pooled`."""
    height, width = pooled.shape[1] * size, pooled.shape[2] * size
    return [images[:, row:height:size, column:width:size] for row in range(size) for column in range(size)]


def copy_windows(images: Array | Bits, stride: int, columns: Array | Bits) -> None:
    rows, across = columns.shape[1], columns.shape[2]
    for i, j in np.ndindex(columns.shape[3:5]):
        columns[:, :, :, i, j] = images[
            :, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (across - 1) + 1 : stride
        ]
