"""Trains the linear model of one run: a solver in place of an optimizer, in rounds that a checkpoint can resume."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workers.data.dataset import Dataset
from workers.data.scaling import Scaler
from workers.nn.arrays import Array
from workers.nn.class_weights import rescale
from workers.nn.losses.entropy import ShiftedCrossEntropy
from workers.nn.models import Linear
from workers.nn.network import Network
from workers.nn.penalty_choice import PenaltyChoice, representative_rows
from workers.nn.softmax_regression import SoftmaxSolver, SolverState
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
        self._resumed: SolverState | None = None
        self._losses: Sequence[float] = ()
        self._choice: PenaltyChoice | None = None
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
        present = self._present()
        return {} if present is None else {"flat": present.flat}

    def state(self) -> dict[str, Any]:
        """The rest of a checkpoint, as JSON. losses: of the penalties tried, while one is being chosen."""
        state: dict[str, Any] = {"l2": self.l2}
        if present := self._present():
            state |= {"rounds": present.rounds, "descended": present.descended}
        if self.l2 is None:
            state["losses"] = list(self._choice.losses if self._choice else self._losses)
        return state

    def restore(self, arrays: Mapping[str, Array], state: Mapping[str, Any]) -> None:
        """Continue where a checkpoint was taken."""
        if state:
            self.l2, self._losses = state["l2"], state.get("losses", ())
        if "flat" in arrays:
            self._resumed = SolverState(
                arrays["flat"].astype(np.float64), state["rounds"], state["descended"]
            )

    def _present(self) -> SolverState | None:
        """Where the solver is that runs: that of a penalty being tried, or that of the model."""
        running = self._solver if self._choice is None else self._choice.solver
        return self._resumed if running is None else running.state()

    def _prepare(self, between: Callable[[], None]) -> SoftmaxSolver:
        between()
        if self.l2 is None:
            self.l2 = self._choose_penalty(between)
        between()
        rows = StandardisedRows(
            self._read,
            self.part.labels,
            features=self.scaler.width,
            classes=len(self.part.classes),
            weights=self.row_weights,
        )
        solver = SoftmaxSolver(rows, self.l2, between=between)
        if self._resumed is not None:
            solver.restore(self._resumed)
        return solver

    def _choose_penalty(self, between: Callable[[], None]) -> float:
        labels = self.part.labels
        rows = representative_rows(labels, self.scaler.width)
        choice = self._choice = PenaltyChoice(
            self._scaled(self.part.features[rows]),
            labels[rows],
            classes=len(self.part.classes),
            weights=None if self.row_weights is None else self.row_weights[rows],
            between=between,
        )
        l2 = choice.choose(self._losses, self._resumed)
        self._choice, self._resumed = None, None
        return l2

    def _read(self, rows: slice) -> Floats:
        return self._scaled(self.part.features[rows])

    def _scaled(self, features: Any) -> Floats:
        return self.scaler.in_double(features)


def _row_weights(spec: ExperimentSpec, part: Dataset, sampled: Array) -> Floats | None:
    """The weight of each row (n,): how often it would be drawn, times its class weight. None if all are equal."""
    weights: Floats = np.divide(sampled, part.counts, out=np.zeros(len(sampled)), where=part.counts > 0)
    class_weights = spec.class_weights(sampled)
    if class_weights is not None:
        weights = weights * rescale(class_weights)
    present = weights[part.counts > 0]
    return None if np.ptp(present) == 0 else weights[part.labels]
