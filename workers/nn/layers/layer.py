"""What every layer is: a differentiable function with parameters, and buffers of its own."""

from collections.abc import Mapping

from workers.nn.arrays import Array, Buffers, Shape
from workers.nn.execution import Differentiable
from workers.nn.parameters import Parameter


class Layer(Differentiable):
    """A layer declares its parameters, is bound to views of the flat vectors, and is then wired to batches.

    Arrays that a layer answers are its own buffers: valid until its next run.
    """

    def __init__(self) -> None:
        self.buffers = Buffers()
        self.needs_input_gradient = True
        """False for a network's first layer with parameters: its dL/dx is nobody's, and not computed."""

    def parameters(self) -> Mapping[str, Parameter]:
        """The arrays that are learned, by name."""
        return {}

    def bind(self, values: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Take the views, by declared name, to read parameters from and to write their gradients to."""
        self.values, self.gradients = values, gradients

    def statistics(self) -> Mapping[str, Array]:
        """Arrays that training updates but no gradient reaches (running means): part of a checkpoint."""
        return {}

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of one example behind this layer, for `input_shape` before it; no batch axis."""
        return input_shape
