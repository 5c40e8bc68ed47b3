"""Softmax regression, solved: the minimum of its convex objective, not the end of a number of steps.

L-BFGS in float32 comes near the minimum. Newton's method, with conjugate gradients in float32 and slopes in float64,
goes the rest of the way.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Integers
from workers.nn.softmax_objective import SoftmaxObjective
from workers.nn.standardised_rows import Floats, StandardisedRows

TOLERANCE = 1e-10
"""No slope of the objective exceeds it at the solution, in the coordinates of the solver."""
DESCENT_TOLERANCE = 1e-5
"""Where single precision ends the descent."""
ITERATIONS_PER_ROUND = 100
DESCENT_ROUNDS = 20
NEWTON_ROUNDS = 50
ROUNDING = 1e-12
"""Near the minimum, a smaller slope shows progress that a difference of values is too coarse for."""


@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """The solution: weight (d, K), bias (K,), float64; the biases sum to 0.

    slope: the largest slope of the objective that is left. converged: whether it is within the tolerance.
    """

    weight: Floats
    bias: Floats
    slope: float
    converged: bool

    def logits(self, features: Array) -> Array:
        """The logits x W + b, (n, K), in the dtype of the features (n, d)."""
        return features @ self.weight.astype(features.dtype) + self.bias.astype(features.dtype)


@dataclass(frozen=True, eq=False)
class SolverState:
    """Where a solver is between two rounds. flat: ((d + 1) K,), float64."""

    flat: Floats
    rounds: int
    descended: bool


class SoftmaxSolver:
    """Solves in rounds. Each is a function of the state that the one before left, so a state resumes exactly.

    rounds: how many are complete. flat: where they ended. `between` is called before each pass over the rows; it may
    raise.
    """

    def __init__(
        self, rows: StandardisedRows, l2: float, *, between: Callable[[], None] = lambda: None
    ) -> None:
        self.objective = SoftmaxObjective(rows, l2)
        self.flat: Floats = np.zeros((rows.features + 1) * rows.classes)
        self.rounds, self.descended, self.slope = 0, False, np.inf
        self._between = between
        self._here: tuple[float, Floats] | None = None

    def state(self) -> SolverState:
        """The end of the last complete round."""
        return SolverState(self.flat, self.rounds, self.descended)

    def restore(self, state: SolverState) -> None:
        """Continue from where a solver of the same rows and penalty was."""
        self.flat, self.rounds, self.descended = state.flat, state.rounds, state.descended

    def descend(self, tolerance: float = DESCENT_TOLERANCE) -> None:
        """L-BFGS in float32, until no slope exceeds the tolerance or single precision sees no progress."""
        while not self.descended:
            self._descend(tolerance)

    def solve(self) -> SoftmaxRegression:
        """Continue from the present state to the solution, or until the rounds are used up."""
        self.descend()
        while self.rounds < DESCENT_ROUNDS + NEWTON_ROUNDS and self._newton():
            pass
        weight, bias = self.objective.weights(self.flat)
        return SoftmaxRegression(weight, bias, self.slope, self.slope <= TOLERANCE)

    def _descend(self, tolerance: float) -> None:
        from scipy.optimize import minimize

        options = {
            "maxiter": ITERATIONS_PER_ROUND,
            "maxfun": 2 * ITERATIONS_PER_ROUND,
            "gtol": tolerance,
            "ftol": 1e-9,
            "maxcor": 20,
        }
        found = minimize(self._single, self.flat, jac=True, method="L-BFGS-B", options=options)
        exhausted = found.status == 1  # of its iterations
        self.flat, self.rounds = found.x, self.rounds + 1
        if not exhausted or self.rounds >= DESCENT_ROUNDS:
            self.descended, self.rounds = True, DESCENT_ROUNDS

    def _single(self, flat: Floats) -> tuple[float, Floats]:
        self._between()
        return self.objective.value_and_gradient(flat, np.float32)

    def _newton(self) -> bool:
        """Take one step of Newton's method; whether another one may help."""
        value, gradient = self._here = self._here or self._exact(self.flat)
        self.slope = float(np.abs(gradient).max())
        if self.slope <= TOLERANCE:
            return False
        return any(self._move(value, gradient, dtype) for dtype in (np.float32, np.float64))

    def _move(self, value: float, gradient: Floats, dtype: DTypeLike) -> bool:
        """Go along the Newton step as far as it leads down; whether it does."""
        step, size = self._newton_step(gradient, dtype), 1.0
        while size > 1e-4:
            reached, new_gradient = self._exact(self.flat + size * step)
            falls = reached <= value + 1e-4 * size * float(gradient @ step)
            flatter = reached <= value + ROUNDING and np.linalg.norm(new_gradient) < np.linalg.norm(gradient)
            if falls or flatter:
                self.flat, self.rounds = self.flat + size * step, self.rounds + 1
                self._here = reached, new_gradient
                return True
            size /= 2
        return False

    def _exact(self, flat: Floats) -> tuple[float, Floats]:
        self._between()
        return self.objective.value_and_gradient(flat, np.float64)

    def _newton_step(self, gradient: Floats, dtype: DTypeLike) -> Floats:
        from scipy.sparse.linalg import LinearOperator, cg

        probabilities = self.objective.probabilities(self.flat, dtype)

        def product(direction: Floats) -> Floats:
            self._between()
            return self.objective.curvature(probabilities, direction.ravel())

        hessian = LinearOperator((len(gradient), len(gradient)), matvec=product, dtype=np.float64)
        step, _ = cg(hessian, -gradient, rtol=1e-3, maxiter=500)
        return np.asarray(step)


def solve(
    features: Array, labels: Integers, *, classes: int, l2: float, weights: Array | None = None
) -> SoftmaxRegression:
    """Solve for features (n, d), labels (n,) and weights of the examples (n,), by default all 1.

    Oracle: sklearn.linear_model.LogisticRegression with C = 1 / (l2 n), for K > 2.
    """
    rows = StandardisedRows(
        lambda rows: features[rows].astype(np.float64),
        labels,
        features=features.shape[1],
        classes=classes,
        weights=None if weights is None else weights.astype(np.float64),
    )
    return SoftmaxSolver(rows, l2).solve()
