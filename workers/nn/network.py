"""A network: layers in a row, over one flat parameter vector."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Buffers, Integers, Shape
from workers.nn.execution import Backward, Differentiable, Pass, no_backward, run
from workers.nn.layers.layer import Layer
from workers.nn.models import Model, Task
from workers.nn.parameters import Parameters

EVALUATION_ELEMENTS = 2**19
"""Of the widest layer's output, per chunk of an evaluation: 2 MB in float32, the fastest of 2^16 to 2^22."""


class Network(Differentiable):
    """Maps rows to logits (N, K), and gradients of logits to the gradient of `parameters`."""

    def __init__(
        self, layers: Sequence[Layer], generator: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> None:
        self.layers = tuple(layers)
        self.parameters = Parameters([layer.parameters() for layer in self.layers], generator, dtype)
        self.dtype = self.parameters.values.dtype
        self._buffers = Buffers()
        values = self.parameters.views(self.parameters.values)
        gradients = self.parameters.views(self.parameters.gradient)
        for layer, layer_values, layer_gradients in zip(self.layers, values, gradients, strict=True):
            layer.bind(layer_values, layer_gradients)
        self._first = next(index for index, declared in enumerate(self.parameters.declared) if declared)
        for layer in self.layers[: self._first + 1]:
            layer.needs_input_gradient = False

    @property
    def size(self) -> int:
        """The number of parameters."""
        return self.parameters.size

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        """x (N, *input shape) is in the network's dtype. The backward stops at the first layer that learns."""
        passes: list[Pass] = []
        backwards: list[Backward] = []
        for layer in self.layers:
            x, layer_passes, layer_backward = layer.wire(x, training=training)
            passes += layer_passes
            backwards.append(layer_backward)

        def backward(dlogits: Array) -> tuple[Array, list[Pass]]:
            backward_passes: list[Pass] = []
            for layer_backward in reversed(backwards[self._first :]):
                dlogits, layer_passes = layer_backward(dlogits)
                backward_passes += layer_passes
            return dlogits, backward_passes

        return x, passes, backward if training else no_backward

    def logits(self, rows: Array | Integers, read: Callable[[Any, Array], object] | None = None) -> Array:
        """The logits (N, K) at evaluation, for any number of rows of any dtype: a new array.

        `read(rows, x)` writes some of the rows to x, in the network's dtype: a scaler, say; by default a copy.
        Computed in chunks, so that memory is bounded by EVALUATION_ELEMENTS, not by N.
        """
        shapes = self._shapes(rows.shape[1:])
        size = max(1, EVALUATION_ELEMENTS // max(math.prod(shape) for shape in shapes))
        logits = np.empty((len(rows), *shapes[-1]), self.dtype)
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            if start == 0 or len(chunk) < size:
                x = self._buffers("x", chunk.shape, self.dtype)
                of_chunk, passes, _ = self.wire(x, training=False)
            (read or _copy)(chunk, x)
            run(passes)
            logits[start : start + size] = of_chunk
        return logits

    def _shapes(self, shape: Shape) -> list[Shape]:
        """The shape of one row at the entry, and behind every layer."""
        shapes = [shape]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return shapes

    def statistics(self) -> dict[str, Array]:
        """The running statistics of all layers, by stable names such as "2.running_mean"; not copies."""
        return {
            f"{index}.{name}": array
            for index, layer in enumerate(self.layers)
            for name, array in layer.statistics().items()
        }

    def load(self, values: Array, statistics: Mapping[str, Array]) -> None:
        """Take parameters (P,) and running statistics from a checkpoint, copied in place."""
        own = {"parameters": self.parameters.values, **self.statistics()}
        given = {"parameters": values, **statistics}
        if _shapes_by_name(own) != _shapes_by_name(given):
            raise ValueError(f"a network of {_shapes_by_name(own)} cannot load {_shapes_by_name(given)}")
        for name, array in own.items():
            array[...] = given[name]


def _copy(rows: Array | Integers, x: Array) -> None:
    np.copyto(x, rows, casting="unsafe")


def _shapes_by_name(arrays: Mapping[str, Array]) -> dict[str, Shape]:
    return {name: array.shape for name, array in arrays.items()}


def build_network(
    model: Model,
    task: Task,
    *,
    init: np.random.Generator,
    dropout: np.random.Generator,
    dtype: DTypeLike = np.float32,
) -> Network:
    """The network of `model` for `task`: weights are drawn from `init`, dropout masks from `dropout`.

    Raises UnsuitableModelError where the model does not fit the task.
    """
    return Network(model.layers(task, dropout), init, dtype)


def parameter_count(model: Model, task: Task) -> int:
    """The size of the network of `model` for `task`, from declarations: nothing is drawn or allocated."""
    layers = model.layers(task, dropout=np.random.default_rng(0))
    return sum(parameter.size for layer in layers for parameter in layer.parameters().values())
