"""Max pooling of images (N, height, width, channels), and im2col, which copies convolution windows into rows."""

import numpy as np

from workers.nn.arrays import Array, Bits
from workers.nn.kernels.compiled.compiler import compiled
from workers.nn.kernels.reference.images import max_pool

__all__ = ["copy_windows", "max_pool", "max_pool_backward"]  # max_pool is as fast in NumPy

IMAGES = "real[:,:,:,::1]"


@compiled(f"void({IMAGES}, {IMAGES}, {IMAGES}, int64, {IMAGES})")
def max_pool_backward(dy: Array, x: Array, y: Array, size: int, dx: Array) -> None:
    count, height, width, channels = y.shape
    zero = dy.dtype.type(0)
    if height * size < dx.shape[1] or width * size < dx.shape[2]:
        dx[:] = 0  # trailing rows and columns that fill no square
    for n in range(count):
        for r in range(height):
            for c in range(width):
                for i in range(size):
                    for j in range(size):
                        for k in range(channels):
                            left = dy[n, r, c, k]
                            won = x[n, r * size + i, c * size + j, k] == y[n, r, c, k]
                            dx[n, r * size + i, c * size + j, k] = left if won else zero
                            dy[n, r, c, k] = zero if won else left


@compiled(
    f"void({IMAGES}, int64, Array(real, 6, 'C'))", "void(uint16[:,:,:,::1], int64, Array(uint16, 6, 'C'))"
)
def copy_windows(images: Array | Bits, stride: int, columns: Array | Bits) -> None:
    # Unsigned positions: numba would check signed ones at every element for counting from the end.
    count, height, width, rows, across, channels = columns.shape
    line, length, step = images.shape[2] * channels, np.uintp(across * channels), stride * channels
    source, target, to = images.reshape(-1), columns.reshape(-1), np.uintp(0)
    for n in range(count):
        for r in range(height):
            first = (n * images.shape[1] + r * stride) * line
            for c in range(width):
                for i in range(rows):
                    start = np.uintp(first + c * step + i * line)
                    for j in range(length):
                        target[to + j] = source[start + j]
                    to += length
