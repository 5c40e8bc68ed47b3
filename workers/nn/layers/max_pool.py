"""Max pooling: the largest value of each square of an image."""

from functools import partial

from workers.nn import kernels
from workers.nn.arrays import Array, Shape
from workers.nn.execution import BackwardPass, ForwardPass, no_backward
from workers.nn.layers.layer import Layer


class MaxPool2D(Layer):
    """The maximum of each size x size square, per channel; x (N, height, width, channels).

    Squares do not overlap. Trailing rows and columns that do not fill a square are dropped. The gradient goes to the
    first maximum of a square, row by row. Oracle: torch.nn.functional.max_pool2d.
    """

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.size = size

    def output_shape(self, input_shape: Shape) -> Shape:
        height, width, channels = input_shape
        return height // self.size, width // self.size, channels

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        kernel = kernels.current()
        y = self.buffers("y", (len(x), *self.output_shape(x.shape[1:])), x.dtype)

        def plan_backward(dy: Array) -> BackwardPass:
            dx = self.buffers("dx", x.shape, x.dtype)
            return BackwardPass(dx, [partial(kernel.max_pool_backward, dy, x, y, self.size, dx)])

        pool = partial(kernel.max_pool, x, self.size, y)
        return ForwardPass(y, [pool], plan_backward if training else no_backward)
