"""Another shape for every row: images out of flat rows, flat rows out of images."""

import math

from workers.nn.arrays import Array, Shape
from workers.nn.execution import Backward, Pass, no_backward
from workers.nn.layers.layer import Layer


class Reshape(Layer):
    """Views a batch (N, *any) as (N, *shape), of as many elements, row-major."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def output_shape(self, input_shape: Shape) -> Shape:
        if math.prod(input_shape) != math.prod(self.shape):
            raise ValueError(f"rows of shape {input_shape} cannot be viewed as {self.shape}")
        return self.shape

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        y = x.reshape(len(x), *self.shape)
        return y, [], (lambda dy: (dy.reshape(x.shape), [])) if training else no_backward
