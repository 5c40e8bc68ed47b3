"""Several training steps of a small network in one call, where the calls of single steps would take as long.

The steps are those of `Stepper`, with the same bits. It takes them for a network of dense layers that minimises
cross-entropy with Adam, nothing else: other networks, losses and optimizers take their steps one by one.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from workers.data.batches import BatchGatherer
from workers.data.dataset import Indices
from workers.data.scaling import Scaler
from workers.nn import kernels
from workers.nn.activations import Rectifier
from workers.nn.arrays import Array, Integers, filled
from workers.nn.layers.dense import Dense
from workers.nn.losses import CrossEntropy, LossFunction
from workers.nn.losses.entropy import ShiftedCrossEntropy
from workers.nn.network import Network
from workers.nn.optimizers import Optimizer
from workers.nn.optimizers.adam import MomentOptimizer
from workers.nn.optimizers.optimizer import State
from workers.objective import Objective

MOST_STEPS = 1000
"""So many steps are taken at once at most: a command or a checkpoint waits for them."""
MOST_PRODUCTS = 2**23
"""The products of a step, rows times parameters, up to which calls from Python matter: it takes a millisecond."""
MOST_PRODUCTS_AT_ONCE = 2**27
"""Of all steps that are taken at once: 16 ms."""


class _Layers(NamedTuple):
    """As for `Kernels.dense_steps`. width: of all outputs of a row together."""

    places: Integers
    slopes: Array
    width: int


class DenseSteps:
    """Takes steps of up to `size` rows. Its arrays are fixed; parameters and state are those of the caller."""

    def __init__(
        self,
        size: int,
        network: Network,
        layers: Sequence[Dense],
        optimizer: MomentOptimizer,
        state: State,
        gather: BatchGatherer,
    ) -> None:
        self.size, self.optimizer, self._state = size, optimizer, state
        self._parameters, self._gather = network.parameters, gather
        dtype, described = network.dtype, _describe(network, layers, size)
        self._layers = described
        self._x, self._y = np.empty((size, gather.scaler.width), dtype), np.empty(size, np.int64)
        self._outputs, self._gradients = np.empty((2, size * described.width), dtype)
        self._losses = np.empty(size, dtype)
        self.most = min(MOST_STEPS, MOST_PRODUCTS_AT_ONCE // (size * self._parameters.values.size))

    def take(
        self,
        loss: LossFunction,
        rows: Indices,
        starts: Integers,
        numbers: range,
        learning_rates: Sequence[float],
    ) -> int:
        """Take steps of these numbers (from 1) and learning rates. starts: as for `Kernels.dense_steps`.

        Returns how many it took before the loss was NaN or infinite. The gradient is that of the last one.
        """
        offsets, smoothing = _constants(loss, self._layers.places[-1, 3], self._x.dtype)
        optimizer = self.optimizer
        step_sizes, epsilons = optimizer.corrected_all(numbers, learning_rates)
        taken: int = kernels.current().dense_steps(
            self._gather.features,
            self._gather.labels,
            rows,
            starts,
            self._gather.scaler.offset,
            self._gather.scaler.factor,
            self._layers.places,
            self._layers.slopes,
            offsets,
            filled(1.0, len(offsets), self._x.dtype),
            smoothing,
            self._x,
            self._y,
            self._outputs,
            self._gradients,
            self._losses,
            self._parameters.values,
            self._parameters.gradient,
            self._state["first_moment"],
            self._state["second_moment"],
            optimizer.beta1,
            optimizer.beta2,
            step_sizes,
            epsilons,
        )
        return taken


def plan_dense_steps(
    size: int, network: Network, optimizer: Optimizer, state: State, gather: BatchGatherer
) -> DenseSteps | None:
    """Steps of up to `size` rows; None if they are taken one by one."""
    layers = [layer for layer in network.layers if isinstance(layer, Dense) and _is_plain(layer)]
    is_small = size * network.parameters.values.size <= MOST_PRODUCTS
    if not is_small or len(layers) < len(network.layers) or type(gather.scaler) is not Scaler:
        return None
    if network.rounded_weights is not None:
        return None
    if not isinstance(optimizer, MomentOptimizer) or optimizer.weight_decay:
        return None
    return DenseSteps(size, network, layers, optimizer, state, gather)


def can_minimise(objective: Objective) -> bool:
    """Whether the steps minimise an objective: the mean cross-entropy, without class weights."""
    return objective.weights is None and isinstance(objective.loss, CrossEntropy | ShiftedCrossEntropy)


def _is_plain(layer: Dense) -> bool:
    """Whether a layer is a product, a bias and a rectifier."""
    return (
        type(layer) is Dense
        and layer.bias
        and not layer.reads_zeros
        and isinstance(layer.activation, Rectifier)
    )


def _describe(network: Network, layers: Sequence[Dense], size: int) -> _Layers:
    values = network.parameters.values
    ends = list(accumulate(layer.units for layer in layers))
    places = [
        [
            _place(values, layer.values["weight"]),
            _place(values, layer.values["bias"]),
            layer.inputs,
            layer.units,
            size * (end - layer.units),
        ]
        for layer, end in zip(layers, ends, strict=True)
    ]
    slopes = np.array([layer.activation.slope for layer in layers])
    return _Layers(np.array(places, np.int64), slopes, ends[-1])


def _place(values: Array, view: Array) -> int:
    """Where a view of the flat parameters begins."""
    return (view.ctypes.data - values.ctypes.data) // values.itemsize


def _constants(loss: LossFunction, classes: int, dtype: np.dtype[Any]) -> tuple[Array, float]:
    """The offsets (K,) of the logits, and the label smoothing."""
    if isinstance(loss, ShiftedCrossEntropy):
        return loss.offsets.astype(dtype), 0.0
    smoothing = loss.label_smoothing if isinstance(loss, CrossEntropy) else 0.0
    return filled(0.0, int(classes), dtype), smoothing
