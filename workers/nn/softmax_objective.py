"""The objective of softmax regression: mean_i w_i CE(x_i W + b, y_i) + l2/2 |W|^2, and its derivatives.

It is a function of one vector in coordinates in which its curvature is about the same in every direction: x is
standardised and decorrelated. An iterative solver then needs few iterations.
"""

import numpy as np
from numpy.typing import DTypeLike

from workers.nn.arrays import Array
from workers.nn.output_layers import log_softmax
from workers.nn.standardised_rows import Floats, StandardisedRows

TYPICAL_CURVATURE = 0.1
"""A typical p (1 - p): the weight of the rows against the penalty in the change of coordinates."""


class SoftmaxObjective:
    """value_and_gradient and curvature (a product with the Hessian) at `flat` ((d + 1) K,).

    Products are taken in float32, which is fast, or in float64.
    """

    def __init__(self, rows: StandardisedRows, l2: float) -> None:
        self.rows, self.penalty = rows, l2 * rows.factor**2
        self._shape, self._bias_factor = (rows.features, rows.classes), TYPICAL_CURVATURE**-0.5
        diagonal = self.penalty + np.where(rows.factor == 0, 1.0, 0.0)  # what is constant stays at 0
        if rows.gram is None:
            self._factor: Array = 1 / np.sqrt(TYPICAL_CURVATURE + diagonal)
        else:
            self._factor = np.linalg.cholesky(
                TYPICAL_CURVATURE * rows.gram + np.diag(diagonal + 1e-7 * TYPICAL_CURVATURE)
            )

    def value_and_gradient(self, flat: Floats, dtype: DTypeLike) -> tuple[float, Floats]:
        v, bias = self._parameters(flat)
        value, of_v, of_bias = 0.5 * float(self.penalty @ (v * v).sum(axis=1)), self.penalty[:, None] * v, 0.0
        for rows, z in self.rows.chunks(dtype):
            log_p = log_softmax(z @ v.astype(dtype) + bias.astype(dtype))
            labels, share = self.rows.labels[rows], self.rows.share[rows]
            own = np.arange(len(labels)), labels
            value -= float(share @ log_p[own])
            residual = np.exp(log_p)
            residual[own] -= 1
            residual *= share[:, None].astype(dtype)
            of_v += z.T @ residual
            of_bias = of_bias + residual.sum(axis=0, dtype=np.float64)
        return value, self._gradient(of_v, np.asarray(of_bias))

    def probabilities(self, flat: Floats, dtype: DTypeLike) -> Array:
        """p (n, K), which `curvature` needs."""
        v, bias = (each.astype(dtype) for each in self._parameters(flat))
        p = np.empty((len(self.rows), self.rows.classes), dtype)
        for rows, z in self.rows.chunks(dtype):
            p[rows] = np.exp(log_softmax(z @ v + bias))
        return p

    def curvature(self, probabilities: Array, direction: Floats) -> Floats:
        """The Hessian times a direction, where the model predicts `probabilities` (n, K), in their dtype."""
        v, bias = self._parameters(direction)
        of_v, of_bias = self.penalty[:, None] * v, np.zeros(self.rows.classes)
        dtype = probabilities.dtype
        for rows, z in self.rows.chunks(dtype):
            p = probabilities[rows]
            moved = p * (z @ v.astype(dtype) + bias.astype(dtype))
            moved -= p * moved.sum(axis=1, keepdims=True)
            moved *= self.rows.share[rows, None].astype(dtype)
            of_v += z.T @ moved
            of_bias += moved.sum(axis=0, dtype=np.float64)
        return self._gradient(of_v, of_bias)

    def weights(self, flat: Floats) -> tuple[Floats, Floats]:
        """W (d, K) and b (K,) for the rows as they are. Biases sum to 0: a common shift changes no probability."""
        v, bias = self._parameters(flat)
        weight = v * self.rows.factor[:, None]
        bias = bias - self.rows.mean @ weight
        return weight, bias - bias.mean()

    def at(self, weight: Floats, bias: Floats) -> Floats:
        """The vector whose `weights` these are."""
        factor = self.rows.factor[:, None]
        v = np.divide(weight, factor, out=np.zeros(self._shape), where=factor > 0)
        u = v / self._factor[:, None] if self._factor.ndim == 1 else self._factor.T @ v
        return np.concatenate([u.ravel(), (bias + self.rows.mean @ weight) / self._bias_factor])

    def _parameters(self, flat: Floats) -> tuple[Floats, Floats]:
        """V and the bias for standardised rows."""
        size = self._shape[0] * self._shape[1]
        return self._solve(flat[:size].reshape(self._shape), transposed=True), flat[size:] * self._bias_factor

    def _gradient(self, of_v: Floats, of_bias: Floats) -> Floats:
        return np.concatenate([self._solve(of_v, transposed=False).ravel(), of_bias * self._bias_factor])

    def _solve(self, matrix: Floats, *, transposed: bool) -> Floats:
        from scipy.linalg import solve_triangular

        if self._factor.ndim == 1:
            return matrix * self._factor[:, None]
        solved: Floats = solve_triangular(
            self._factor, matrix, lower=True, trans=int(transposed), check_finite=False
        )
        return solved
