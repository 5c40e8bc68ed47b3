"""A network: a sequence of layers over one flat parameter vector."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from workers.nn import kernels
from workers.nn.arrays import Array, Bits, Buffers, Integers, Shape, aligned_empty
from workers.nn.execution import (
    BackwardPass,
    Differentiable,
    ForwardPass,
    Operation,
    no_backward,
    run,
)
from workers.nn.layers.dense import Dense
from workers.nn.layers.layer import Layer
from workers.nn.mixed_precision import MixedPrecision, RoundedProducts
from workers.nn.models import Model, Task
from workers.nn.parameters import Parameters

EVALUATION_ELEMENTS = 2**19
"""Elements of the widest layer's output per chunk of an evaluation: 2 MB in float32, the fastest of 2^16 to 2^22."""

PLANNED_SIZES = 4
"""Numbers of rows for which the forward pass of an evaluation stays planned: chunks of two parts, and their rests."""


class Network(Differentiable):
    """Maps rows (N, *input shape) to logits (N, K), and dL/dlogits to the gradient of `parameters`."""

    def __init__(
        self,
        layers: Sequence[Layer],
        generator: np.random.Generator,
        dtype: DTypeLike = np.float32,
        products: RoundedProducts | None = None,
    ) -> None:
        """products: trains in mixed precision, with these products of bfloat16."""
        self.layers = tuple(layers)
        self.parameters = Parameters([layer.parameters() for layer in self.layers], generator, dtype)
        self.dtype = self.parameters.values.dtype
        self._buffers = Buffers()
        self._evaluations: dict[tuple[int, Shape, int], tuple[Array, ForwardPass]] = {}
        self._chunks_of: dict[tuple[int, Shape, int], tuple[int, Shape]] = {}
        values = self.parameters.views(self.parameters.values)
        gradients = self.parameters.views(self.parameters.gradient)
        for layer, layer_values, layer_gradients in zip(self.layers, values, gradients, strict=True):
            layer.bind(layer_values, layer_gradients)
        self.first = next(index for index, declared in enumerate(self.parameters.declared) if declared)
        """The first layer with parameters."""
        for layer in self.layers[: self.first + 1]:
            layer.needs_input_gradient = False
        self.rounded_weights: Bits | None = None
        """In mixed precision, the weights rounded to bfloat16: the first `parameters.decayed` elements."""
        if products is not None:
            self.rounded_weights = self._mix(products)
            self.round_weights()

    def _mix(self, products: RoundedProducts) -> Bits:
        rounded: Bits = aligned_empty((self.parameters.decayed,), np.uint16)
        for layer, weights in zip(self.layers, self.parameters.views(rounded, decaying=True), strict=True):
            layer.mixed_precision = MixedPrecision(products, weights)
        for layer, following in pairwise(self.layers):
            layer.gives_bits = following.reads_bits
        return rounded

    def round_weights(self) -> None:
        """In mixed precision, round the weights anew: they were not changed by an optimizer."""
        if self.rounded_weights is not None:
            kernels.current().round_to_bfloat16(self.parameters.values, self.rounded_weights)

    def plan_forward(self, x: Array, *, training: bool, depth: int | None = None) -> ForwardPass:
        """Plan all layers, or the first `depth` ones, for x (N, *input shape) in the network's dtype.

        The backward pass ends at the first layer with parameters, so its `dx` is not the gradient of the input.
        """
        forwards: list[ForwardPass] = []
        for layer in self.layers[:depth]:
            forwards.append(layer.plan_forward(x, training=training))
            x = forwards[-1].y
        operations = [operation for forward in forwards for operation in forward.operations]

        def plan_backward(dlogits: Array) -> BackwardPass:
            operations: list[Operation] = []
            for forward in reversed(forwards[self.first :]):
                planned = forward.plan_backward(dlogits)
                dlogits = planned.dx
                operations += planned.operations
            return BackwardPass(dlogits, operations)

        return ForwardPass(x, operations, plan_backward if training else no_backward)

    def logits(
        self,
        rows: Array | Integers,
        read: Callable[[Any, Array], object] | None = None,
        *,
        features: int | None = None,
    ) -> Array:
        """The logits (N, K) at evaluation, in a new array, for any number of rows of any dtype.

        `read(rows, x)` writes some of the rows to x, in the network's dtype, as a scaler does; `features` is the
        length of a row of x if it differs from that of `rows`. The default copies.
        Works in chunks, so that EVALUATION_ELEMENTS bounds the memory, not N.
        """
        return self._evaluated(rows, read, features, len(self.layers))

    def representation(
        self,
        rows: Array | Integers,
        read: Callable[[Any, Array], object] | None = None,
        *,
        features: int | None = None,
    ) -> Array:
        """What the last layer reads (N, H), as `logits` would: of a linear model, the row itself."""
        return self._evaluated(rows, read, features, len(self.layers) - 1)

    def _evaluated(
        self,
        rows: Array | Integers,
        read: Callable[[Any, Array], object] | None,
        features: int | None,
        depth: int,
    ) -> Array:
        """The outputs of the first `depth` layers for all rows, in chunks."""
        shape, read = rows.shape[1:] if features is None else (features,), read or _copy
        size, output_shape = self._chunks(shape, depth)
        if 0 < len(rows) <= size:
            return self._evaluated_chunk(rows, read, shape, depth).copy()
        outputs = np.empty((len(rows), *output_shape), self.dtype)
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            outputs[start : start + size] = self._evaluated_chunk(chunk, read, shape, depth)
        return outputs

    def _evaluated_chunk(
        self, rows: Array | Integers, read: Callable[[Any, Array], object], shape: Shape, depth: int
    ) -> Array:
        """The same for rows that are evaluated at once, in an array that the next ones overwrite."""
        x, forward = self._plan_evaluation(len(rows), shape, depth)
        read(rows, x)
        run(forward.operations)
        return forward.y

    def _chunks(self, shape: Shape, depth: int) -> tuple[int, Shape]:
        """For rows of a shape, how many are evaluated at once, and the shape of an output."""
        key = (EVALUATION_ELEMENTS, shape, depth)
        found = self._chunks_of.get(key)
        if found is None:
            shapes = self._shapes(shape, depth)
            size = max(1, EVALUATION_ELEMENTS // max(math.prod(each) for each in shapes))
            found = self._chunks_of[key] = size, shapes[-1]
        return found

    def _plan_evaluation(self, rows: int, shape: Shape, depth: int) -> tuple[Array, ForwardPass]:
        """The input array for so many rows, and the forward pass of so many layers: planned once for each."""
        key = (rows, shape, depth)
        planned = self._evaluations.get(key)
        if planned is None:
            if len(self._evaluations) == PLANNED_SIZES:
                del self._evaluations[next(iter(self._evaluations))]
            x = self._buffers("x", (rows, *shape), self.dtype)
            planned = self._evaluations[key] = x, self.plan_forward(x, training=False, depth=depth)
        return planned

    def _shapes(self, shape: Shape, depth: int) -> list[Shape]:
        """The shapes of one row: of the input, and of the output of each of the first `depth` layers."""
        shapes = [shape]
        for layer in self.layers[:depth]:
            shapes.append(layer.output_shape(shapes[-1]))
        return shapes

    def statistics(self) -> dict[str, Array]:
        """The running statistics of all layers, not copied, by stable names such as "2.running_mean"."""
        return {
            f"{index}.{name}": array
            for index, layer in enumerate(self.layers)
            for name, array in layer.statistics().items()
        }

    def load(self, values: Array, statistics: Mapping[str, Array]) -> None:
        """Copy parameters (P,) and running statistics of a checkpoint into this network.

        Raises ValueError if a name or a shape differs.
        """
        own = {"parameters": self.parameters.values, **self.statistics()}
        given = {"parameters": values, **statistics}
        if _shapes_by_name(own) != _shapes_by_name(given):
            raise ValueError(f"a network of {_shapes_by_name(own)} cannot load {_shapes_by_name(given)}")
        for name, array in own.items():
            array[...] = given[name]
        self.round_weights()


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
    reads_zeros: bool = False,
    products: RoundedProducts | None = None,
) -> Network:
    """Build the network of `model` for `task`. Draws the weights from `init`, and later dropout masks from `dropout`.

    reads_zeros: whether most elements of the rows that it will read are 0, as those of an encoded table are.
    products: trains in mixed precision, with these products of bfloat16.
    Raises UnsuitableModelError if the model does not fit the task.
    """
    network = Network(model.layers(task, dropout), init, dtype, products)
    if reads_zeros and isinstance(first := network.layers[network.first], Dense):
        first.reads_zeros = True
    return network


@lru_cache(maxsize=1000)
def parameter_count(model: Model, task: Task) -> int:
    """Count the parameters of `model` for `task` from what its layers declare, without building the network."""
    layers = model.layers(task, dropout=np.random.default_rng(0))
    return sum(parameter.size for layer in layers for parameter in layer.parameters().values())
