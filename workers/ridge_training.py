"""Trains the linear model of a regression: ridge, by its normal equations, in one pass over the rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset
from workers.data.scaling import Scaler
from workers.nn.arrays import Array
from workers.nn.network import Network
from workers.nn.penalty_choice import representative_rows

Floats = NDArray[np.float64]

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""The l2 that are tried, the strongest first."""
BLOCK_CELLS = 4_000_000
"""Features times rows that are read at a time: bounds memory."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted means of rows x (d,) and targets y, and the covariances around them: (d, d) and (d,)."""

    x: Floats
    y: float
    xx: Floats
    xy: Floats

    @staticmethod
    def of(read: Callable[[slice], Floats], targets: Floats, weights: Floats, features: int) -> "Moments":
        """`read` returns some of the rows. weights: (n,), at least one of them positive."""
        step = max(1, BLOCK_CELLS // features)
        blocks = [slice(start, start + step) for start in range(0, len(targets), step)]
        total = weights.sum()
        x = sum((weights[rows] @ read(rows) for rows in blocks), np.zeros(features)) / total
        y = float(weights @ targets / total)
        xx, xy = np.zeros((features, features)), np.zeros(features)
        for rows in blocks:
            centred = read(rows) - x
            weighted = centred * weights[rows, np.newaxis]
            xx += weighted.T @ centred
            xy += weighted.T @ (targets[rows] - y)
        return Moments(x, y, xx / total, xy / total)

    def solve(self, l2: float) -> tuple[Floats, float]:
        """The weights (d,) and the bias that minimise the mean of (x w + b - y)^2 / 2, plus l2/2 |w|^2."""
        weight = np.linalg.solve(self.xx + l2 * np.eye(len(self.x)), self.xy)
        return np.asarray(weight, np.float64), self.y - float(self.x @ weight)


class RidgeTraining:
    """Finds the weights of a linear model of numbers, from the rows of a training part as the network reads them.

    targets, row_weights: (n,); balancing and density weights enter as weights of the rows. Without `l2`, the penalty
    is the one of PENALTIES with the smallest squared error on a fifth of the rows of each bin, fitted to the others.
    """

    def __init__(
        self,
        training_part: Dataset,
        scaler: Scaler,
        targets: Floats,
        row_weights: Floats | None,
        l2: float | None,
    ) -> None:
        self.part, self.scaler, self.l2 = training_part, scaler, l2
        self.targets = targets
        self.row_weights = np.ones(len(targets)) if row_weights is None else row_weights

    def fit(self, network: Network, between: Callable[[], None]) -> float:
        """Solve, and write the solution to the only layer of `network`. Returns the largest slope that is left.

        `between` is called before each pass over the rows. It may raise to stop.
        """
        between()
        if self.l2 is None:
            self.l2 = self._choose_penalty()
        between()
        moments = self._moments(np.arange(len(self.targets)))
        weight, bias = moments.solve(self.l2)
        (layer,) = network.parameters.views(network.parameters.values)
        layer["weight"][...], layer["bias"][...] = weight[:, np.newaxis], bias
        return float(np.abs(moments.xx @ weight + self.l2 * weight - moments.xy).max())

    def arrays(self) -> dict[str, Array]:
        """The arrays of a checkpoint: none, the solution takes one step."""
        return {}

    def state(self) -> dict[str, Any]:
        """The rest of a checkpoint, as JSON."""
        return {"l2": self.l2}

    def restore(self, arrays: Mapping[str, Array], state: Mapping[str, Any]) -> None:
        """Continue where a checkpoint was taken."""
        self.l2 = state.get("l2", self.l2)

    def _choose_penalty(self) -> float:
        """Oracle: sklearn.linear_model.Ridge with alpha = l2 n, on the same fifth."""
        labels = self.part.labels
        rows = representative_rows(labels, self.scaler.width)
        by_bin = rows[np.argsort(labels[rows], kind="stable")]
        held_back, rest = by_bin[2::5], np.delete(by_bin, np.s_[2::5])
        if not self.row_weights[held_back].any() or not self.row_weights[rest].any():
            return PENALTIES[0]
        moments, x = self._moments(rest), self._scaled(self.part.features[held_back])
        errors = []
        for l2 in PENALTIES:
            weight, bias = moments.solve(l2)
            residuals = x @ weight + bias - self.targets[held_back]
            errors.append(float(self.row_weights[held_back] @ residuals**2))
        return PENALTIES[int(np.argmin(errors))]

    def _moments(self, rows: NDArray[np.intp]) -> Moments:
        return Moments.of(
            lambda block: self._scaled(self.part.features[rows[block]]),
            self.targets[rows],
            self.row_weights[rows],
            self.scaler.width,
        )

    def _scaled(self, features: Any) -> Floats:
        return self.scaler.in_double(features)
