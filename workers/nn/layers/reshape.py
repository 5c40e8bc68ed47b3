"""Gives every row another shape: flat rows become images, and images flat rows."""

import math

from workers.nn.arrays import Array, Shape
from workers.nn.execution import BackwardPass, ForwardPass, no_backward
from workers.nn.layers.layer import Layer


class Reshape(Layer):
    """Views a batch (N, *any) as (N, *shape), in row-major order. Both shapes have the same number of elements."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def output_shape(self, input_shape: Shape) -> Shape:
        if math.prod(input_shape) != math.prod(self.shape):
            raise ValueError(f"rows of shape {input_shape} cannot be viewed as {self.shape}")
        return self.shape

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        y = x.reshape(len(x), *self.shape)
        plan_backward = (lambda dy: BackwardPass(dy.reshape(x.shape), [])) if training else no_backward
        return ForwardPass(y, [], plan_backward)
