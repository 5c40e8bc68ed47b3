"""Trains the linear model of one run: a solver in place of an optimizer, in rounds that a checkpoint can resume."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workers.data.dataset import Dataset
from workers.data.scaling import Scaler
from workers.nn.arrays import Array
from workers.nn.class_weights import rescale
from workers.nn.losses.entropy import ShiftedCrossEntropy
from workers.nn.models import Linear
from workers.nn.network import Network
from workers.nn.penalty_choice import choose_penalty, representative_rows
from workers.nn.softmax_regression import SoftmaxSolver
from workers.nn.standardised_rows import Floats, StandardisedRows
from workers.spec import ExperimentSpec


class LinearTraining:
    """Finds the weights of a linear model, by its spec, from the rows of a training part as the network reads them.

    Balancing and class weights enter as weights of the rows. A loss that shifts the logits by class shifts the biases
    of the solution, because these are not penalised.
    """

    def __init__(self, spec: ExperimentSpec, training_part: Dataset, scaler: Scaler) -> None:
        self.part, self.scaler = training_part, scaler
        self.l2 = spec.model.l2 if isinstance(spec.model, Linear) else None
        sampled = spec.balancing.expected_counts(training_part.counts)
        self.row_weights = _row_weights(spec, training_part, sampled)
        loss = spec.loss.with_class_counts(sampled)
        self.bias_offsets = loss.offsets if isinstance(loss, ShiftedCrossEntropy) else np.zeros(len(sampled))
        self._resumed: Mapping[str, Any] | None = None
        self._solver: SoftmaxSolver | None = None

    def fit(self, network: Network, between: Callable[[], None]) -> float:
        """Solve, and write the solution to the only layer of `network`. Returns the largest slope that is left.

        `between` is called before each pass over the rows. It may take a checkpoint, or raise to stop.
        """
        solver = self._solver = self._prepare(between)
        found = solver.solve()
        bias = found.bias - self.bias_offsets
        (layer,) = network.parameters.views(network.parameters.values)
        layer["weight"][...], layer["bias"][...] = found.weight, bias - bias.mean()
        return found.slope

    def arrays(self) -> dict[str, Array]:
        """The arrays of a checkpoint between two rounds."""
        return {} if self._solver is None else {"flat": self._solver.flat}

    def state(self) -> dict[str, Any]:
        """The rest of a checkpoint, as JSON."""
        if self._solver is None:
            return {}
        return {"l2": self.l2, "rounds": self._solver.rounds, "descended": self._solver.descended}

    def restore(self, arrays: Mapping[str, Array], state: Mapping[str, Any]) -> None:
        """Continue where a checkpoint was taken."""
        if state:
            self.l2, self._resumed = state["l2"], {**arrays, **state}

    def _prepare(self, between: Callable[[], None]) -> SoftmaxSolver:
        between()
        if self.l2 is None:
            self.l2 = self._choose_penalty(between)
        between()
        rows = StandardisedRows(
            self._read,
            self.part.labels,
            features=self.part.features.shape[1],
            classes=len(self.part.classes),
            weights=self.row_weights,
        )
        solver = SoftmaxSolver(rows, self.l2, between=between)
        if self._resumed is not None:
            resumed = self._resumed
            solver.flat, solver.rounds = resumed["flat"], resumed["rounds"]
            solver.descended = resumed["descended"]
        return solver

    def _choose_penalty(self, between: Callable[[], None]) -> float:
        labels = self.part.labels
        rows = representative_rows(labels, self.part.features.shape[1])
        features = self._scaled(self.part.features[rows])
        weights = None if self.row_weights is None else self.row_weights[rows]
        return choose_penalty(
            features, labels[rows], classes=len(self.part.classes), weights=weights, between=between
        )

    def _read(self, rows: slice) -> Floats:
        return self._scaled(self.part.features[rows])

    def _scaled(self, features: Any) -> Floats:
        return np.asarray(self.scaler.into(features, np.empty(features.shape)), np.float64)


def _row_weights(spec: ExperimentSpec, part: Dataset, sampled: Array) -> Floats | None:
    """The weight of each row (n,): how often it would be drawn, times its class weight. None if all are equal."""
    weights: Floats = np.divide(sampled, part.counts, out=np.zeros(len(sampled)), where=part.counts > 0)
    class_weights = spec.class_weights(sampled)
    if class_weights is not None:
        weights = weights * rescale(class_weights)
    present = weights[part.counts > 0]
    return None if np.ptp(present) == 0 else weights[part.labels]
