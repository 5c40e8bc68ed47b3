"""What every layer is: a function that returns its output and its own backward."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from workers.nn.arrays import Array, Buffers, Shape
from workers.nn.parameters import Parameter

Backward = Callable[[Array], Array]
"""Takes dL/dy, writes the gradients of the layer's parameters, returns dL/dx. Called at most once.

It may overwrite dL/dy and everything that its forward kept.
"""


class Layer(ABC):
    """A layer declares its parameters, is bound to views of the flat vectors, and then maps batches.

    Training or inference is an argument, never a mode. Arrays that a layer returns are its own buffers:
    valid until its next call. It never overwrites its input: the layer before may need it in its backward.
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

    @abstractmethod
    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        """Map a batch (N, *input shape) to (N, *output shape), with the backward of this very call.

        Without `training`, nothing is kept for a backward, and calling it raises.
        """


def no_backward(_dy: Array) -> Array:
    """The backward of an evaluation: there is none."""
    raise RuntimeError("a forward pass with training=False has no backward")
