"""The base class of layers: a differentiable function with parameters, and buffers of its own."""

from collections.abc import Mapping
from typing import ClassVar

from workers.nn.arrays import Array, Buffers, Shape
from workers.nn.execution import Differentiable
from workers.nn.mixed_precision import MixedPrecision
from workers.nn.parameters import Parameter


class Layer(Differentiable):
    """A layer declares its parameters, is bound to views of the flat vectors, and then plans passes over batches.

    The arrays that its passes fill are its own buffers: they are valid until its next pass. With `mixed_precision`,
    the array between two layers may hold the bits of bfloat16 in training.
    """

    reads_bits: ClassVar[bool] = False
    """Whether it can read the bits of bfloat16: it rounds its input in any case, for a matrix product."""

    def __init__(self) -> None:
        self.buffers = Buffers()
        self.needs_input_gradient = True
        """False for the layers up to the first with parameters: nothing uses their dL/dx, so it is not computed."""
        self.mixed_precision: MixedPrecision | None = None
        """What its products are taken with in training; None if that is float32 or float64, as in evaluation."""
        self.gives_bits = False
        """Whether it may give the bits of its output in training, because the next layer reads them."""

    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters to learn, by name."""
        return {}

    def bind(self, values: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Set the views, by declared name, that hold the parameters and take their gradients."""
        self.values, self.gradients = values, gradients

    def statistics(self) -> Mapping[str, Array]:
        """Arrays that training updates without a gradient, such as running means. Checkpoints contain them."""
        return {}

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the output for one example of `input_shape`, both without the batch axis."""
        return input_shape
