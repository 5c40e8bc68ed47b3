"""Max pooling: of every square of an image, the largest value."""

from functools import partial

from workers.nn import kernels
from workers.nn.arrays import Array, Shape
from workers.nn.execution import Backward, Pass, no_backward
from workers.nn.layers.layer import Layer


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

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        kernel = kernels.current()
        y = self.buffers("y", (len(x), *self.output_shape(x.shape[1:])), x.dtype)

        def backward(dy: Array) -> tuple[Array, list[Pass]]:
            dx = self.buffers("dx", x.shape, x.dtype)
            return dx, [partial(kernel.max_pool_backward, dy, x, y, self.size, dx)]

        return y, [partial(kernel.max_pool, x, self.size, y)], backward if training else no_backward
