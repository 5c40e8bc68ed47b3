"""Max pooling: of every square of an image, the largest value."""

from collections.abc import Iterator

import numpy as np

from workers.nn.arrays import Array, Shape
from workers.nn.layers.layer import Backward, Layer, no_backward


class MaxPool2D(Layer):
    """The maximum of each size x size square, per channel; x (N, height, width, channels).

    Squares do not overlap; trailing rows and columns that fill none are dropped. The gradient goes to the
    first maximum, row by row. Oracle: torch.nn.functional.max_pool2d.
    """

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.size = size

    def output_shape(self, input_shape: Shape) -> Shape:
        height, width, channels = input_shape
        return height // self.size, width // self.size, channels

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        y = self.buffers("y", (len(x), *self.output_shape(x.shape[1:])), x.dtype)
        first, *others = self._candidates(x, y.shape)
        np.copyto(y, first)
        for candidate in others:
            np.maximum(y, candidate, out=y)
        return y, (lambda dy: self._backward(dy, x, y)) if training else no_backward

    def _backward(self, dy: Array, x: Array, y: Array) -> Array:
        dx, won = self.buffers("dx", x.shape, x.dtype), self.buffers("won", y.shape, y.dtype)
        largest = self.buffers("largest", y.shape, bool)
        dx.fill(0)  # the rows and columns left over
        for candidate, dcandidate in zip(
            self._candidates(x, y.shape), self._candidates(dx, y.shape), strict=True
        ):
            np.equal(candidate, y, out=largest)
            np.multiply(dy, largest, out=won)
            dy -= won  # what the first maximum won, no later one gets
            np.copyto(dcandidate, won)
        return dx

    def _candidates(self, images: Array, pooled: Shape) -> Iterator[Array]:
        """The first pixel of every square, the second, ..., each a view (N, *pooled shape)."""
        height, width = pooled[1] * self.size, pooled[2] * self.size
        for row in range(self.size):
            for column in range(self.size):
                yield images[:, row : height : self.size, column : width : self.size]
