"""Softmax regression, solved: the minimum of its convex objective, not the end of a number of steps.

mean_i w_i CE(x_i W + b, y_i) + l2/2 |W|^2, for weights with mean 1; the bias is not penalised. L-BFGS comes near the
minimum, Newton's method with conjugate gradients goes the rest of the way.
"""

from dataclasses import dataclass

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.output_layers import log_softmax

ITERATIONS = 2000
TOLERANCE = 1e-11
"""No slope of the objective exceeds it at the solution."""


@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """The solution: weight (d, K), bias (K,), float64. converged: whether no slope exceeds the tolerance."""

    weight: Array
    bias: Array
    converged: bool

    def logits(self, features: Array) -> Array:
        """The logits x W + b, (n, K), in the dtype of the features (n, d)."""
        return linear_logits(features, self.weight, self.bias)


def linear_logits(features: Array, weight: Array, bias: Array) -> Array:
    """The logits x W + b, (n, K), of features (n, d), in their dtype."""
    return features @ weight.astype(features.dtype) + bias.astype(features.dtype)


def solve(
    features: Array,
    labels: Integers,
    *,
    classes: int,
    l2: float,
    weights: Array | None = None,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> SoftmaxRegression:
    """Solve for features (n, d), labels (n,) and weights of the examples (n,), by default all 1.

    Products are taken in the dtype of the features: float32 halves the time, and ends the descent at about 1e-5.
    Biases sum to 0, because a common shift of all changes no probability.
    Oracle: sklearn.linear_model.LogisticRegression with C = 1 / (l2 n), for K > 2.
    """
    from scipy.optimize import minimize

    problem = _Problem(features, labels, classes, l2, weights)
    start = np.zeros((features.shape[1] + 1) * classes)
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "gtol": tolerance, "ftol": 0.0, "maxcor": 20}
    flat = minimize(problem, start, jac=True, method="L-BFGS-B", options=options).x
    if features.dtype == np.float64:
        flat = problem.polish(flat, tolerance)
    slope = np.abs(problem(flat)[1]).max()
    weight, bias = problem.unflatten(flat)
    return SoftmaxRegression(weight, bias - bias.mean(), bool(slope <= max(tolerance, problem.resolution)))


class _Problem:
    """The objective as a function of one flat vector: W, then b."""

    def __init__(
        self, features: Array, labels: Integers, classes: int, l2: float, weights: Array | None
    ) -> None:
        self.features, self.labels, self.classes, self.l2 = features, labels, classes, l2
        self.rows, (n, self.d) = np.arange(len(labels)), features.shape
        share = np.full(n, 1 / n) if weights is None else weights / weights.sum()
        self.share = share.astype(features.dtype)
        self.resolution = 64 * float(np.finfo(features.dtype).eps)

    def unflatten(self, flat: Array) -> tuple[Array, Array]:
        return flat[: self.d * self.classes].reshape(self.d, self.classes), flat[self.d * self.classes :]

    def __call__(self, flat: Array) -> tuple[float, Array]:
        weight, _ = self.unflatten(flat)
        log_p = self._log_softmax(flat)
        residual = np.exp(log_p)
        residual[self.rows, self.labels] -= 1
        residual *= self.share[:, None]
        loss = -float(self.share.astype(np.float64) @ log_p[self.rows, self.labels])
        return loss + self.l2 / 2 * float(np.vdot(weight, weight)), self._gradient(residual, weight)

    def polish(self, flat: Array, tolerance: float, steps: int = 20) -> Array:
        """Newton's method, each step solved by conjugate gradients, until no slope exceeds the tolerance."""
        from scipy.sparse.linalg import LinearOperator, cg

        value, slope = self(flat)
        for _ in range(steps):
            if np.abs(slope).max() <= tolerance:
                break
            p = np.exp(self._log_softmax(flat))
            hessian = LinearOperator(
                (len(flat), len(flat)), matvec=lambda v, p=p: self._curvature(p, v.ravel()), dtype=np.float64
            )
            step, _ = cg(hessian, -slope, rtol=1e-6, maxiter=500)
            stepped_value, stepped_slope = self(flat + step)
            if stepped_value > value + 1e-12:
                break
            flat, value, slope = flat + step, stepped_value, stepped_slope
        return flat

    def _curvature(self, p: Array, direction: Array) -> Array:
        """The Hessian times a direction."""
        weight, bias = self.unflatten(direction)
        moved = p * (self.features @ weight + bias)
        moved -= p * moved.sum(axis=1, keepdims=True)
        moved *= self.share[:, None]
        return self._gradient(moved, weight)

    def _gradient(self, residual: Array, weight: Array) -> Array:
        of_weight = self.features.T @ residual + self.l2 * weight
        return np.concatenate([of_weight.ravel(), residual.sum(axis=0)]).astype(np.float64)

    def _log_softmax(self, flat: Array) -> Array:
        return log_softmax(linear_logits(self.features, *self.unflatten(flat)))
