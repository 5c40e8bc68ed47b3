"""Chooses the penalty of a softmax regression on rows held back from its training rows."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers
from workers.nn.output_layers import log_softmax
from workers.nn.softmax_regression import SoftmaxSolver, SolverState
from workers.nn.standardised_rows import Floats, Reader, StandardisedRows

PENALTIES = (1e-2, 1e-3, 1e-4)
"""The l2 that are tried, the strongest first."""
TOLERANCE = 1e-5
"""Near enough to the solution for a comparison of penalties: with 1e-4, a weak one can still seem to be worse."""
ROWS = 10_000
"""Rows that the penalty is chosen on, at most; fewer if there are many features."""
CELLS = 8_000_000
"""Features times rows, at most: bounds memory and time."""


class PenaltyChoice:
    """Chooses the l2 of PENALTIES with the smallest NLL on a fifth of the rows (of each class), fitted to the others.

    It tries them from the strongest on, until a weaker one does no better. Both NLL and fit weight the rows (n,).
    losses: of the penalties tried so far. solver: of the one that is being tried. With both, a choice that was
    interrupted ends in the same bits. `between` is called before each pass over the rows. It may raise.
    Oracle: sklearn.linear_model.LogisticRegression and sklearn.metrics.log_loss, on the same fifth.
    """

    def __init__(
        self,
        features: Floats,
        labels: Integers,
        *,
        classes: int,
        weights: Floats | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._features, self._labels, self._classes, self._between = features, labels, classes, between
        self._weights = np.ones(len(labels)) if weights is None else weights
        by_class = np.argsort(labels, kind="stable")
        self._held_back, self._rest = by_class[2::5], np.delete(by_class, np.s_[2::5])
        self.losses: list[float] = []
        self.solver: SoftmaxSolver | None = None

    def choose(self, losses: Sequence[float] = (), resumed: SolverState | None = None) -> float:
        """The l2. `losses`, `resumed`: where an interrupted choice was."""
        if not self._weights[self._held_back].any() or not self._weights[self._rest].any():
            return PENALTIES[0]
        self.losses, fitted = list(losses), self._fitted_rows()
        while len(self.losses) < len(PENALTIES) and not self._is_past_the_best:
            self.solver = SoftmaxSolver(fitted, PENALTIES[len(self.losses)], between=self._between)
            if resumed is not None:
                self.solver.restore(resumed)
                resumed = None
            self.solver.descend(TOLERANCE)
            self.losses.append(self._loss(self.solver))
        return PENALTIES[int(np.argmin(self.losses))]

    @property
    def _is_past_the_best(self) -> bool:
        return len(self.losses) > 1 and self.losses[-1] >= self.losses[-2]

    def _fitted_rows(self) -> StandardisedRows:
        rest = self._rest
        return StandardisedRows(
            array_reader(self._features[rest]),
            self._labels[rest],
            features=self._features.shape[1],
            classes=self._classes,
            weights=self._weights[rest],
        )

    def _loss(self, solver: SoftmaxSolver) -> float:
        """The weighted NLL of the rows held back."""
        weight, bias = solver.objective.weights(solver.flat)
        rows = self._held_back
        log_p = log_softmax(self._features[rows] @ weight + bias)
        return -float(self._weights[rows] @ log_p[np.arange(len(rows)), self._labels[rows]])


def array_reader(features: Floats) -> Reader:
    """Reads the rows of an array (n, d)."""
    return lambda rows: features[rows].astype(np.float64)


def representative_rows(labels: Integers, features: int) -> NDArray[np.intp]:
    """The rows that the penalty is chosen on, given all `labels` (n,) and the number of features."""
    return stratified_rows(labels, max(1, min(ROWS, CELLS // features)))


def stratified_rows(labels: Integers, limit: int) -> NDArray[np.intp]:
    """About `limit` rows, ascending: evenly spaced among the rows ordered by class.

    Each class keeps its share, and its first row in any case.
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    by_class = np.argsort(labels, kind="stable")
    evenly_spaced = np.linspace(0, len(labels) - 1, limit).astype(np.intp)
    _, first_of_class = np.unique(labels, return_index=True)
    return np.union1d(by_class[evenly_spaced], first_of_class)
