"""What is measured on each row: its loss, and what the predicted distribution says of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from workers.nn import kernels
from workers.nn.arrays import Array, Integers, mean


@dataclass(frozen=True, eq=False)
class RowLosses:
    """The spec's loss of each row, and the weight of its class; both (N,). weights: float64, None without any."""

    losses: Array
    weights: NDArray[np.float64] | None = None

    @cached_property
    def mean(self) -> float:
        """The unweighted mean."""
        return mean(self.losses)


@dataclass(frozen=True, eq=False)
class RowScores:
    """What softmax(logits) says of each row: see kernels.contract.Kernels.score. odds (K, N), all others (N,).

    gaps: of each bin of the calibration error, as `Kernels.evaluate` has them, if they are known already.
    """

    labels: Integers
    predictions: Integers
    negative_log_p: Array
    squared_distance: Array
    confidence: Array
    odds: Array
    gaps: NDArray[np.float64] | None = None

    @staticmethod
    def empty(labels: Integers, classes: int, dtype: DTypeLike) -> "RowScores":
        """For a kernel to fill."""
        rows = len(labels)
        negative_log_p, squared_distance, confidence = np.empty((3, rows), dtype)
        predictions, odds = np.empty(rows, np.int64), np.empty((classes, rows), dtype)
        return RowScores(labels, predictions, negative_log_p, squared_distance, confidence, odds)

    @property
    def arrays(self) -> tuple[Integers, Array, Array, Array, Array]:
        """What `Kernels.score` writes, in its order."""
        return self.predictions, self.negative_log_p, self.squared_distance, self.confidence, self.odds

    @cached_property
    def nll(self) -> float:
        """The mean of negative_log_p."""
        return mean(self.negative_log_p)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether each row is predicted correctly.

        The logits decide, because rounding creates ties among probabilities.
        """
        right: NDArray[Any] = self.predictions == self.labels
        return right


def score(logits: Array, labels: Integers) -> RowScores:
    """The scores of softmax(logits), for finite logits (N, K) and labels (N,)."""
    logits, labels = np.ascontiguousarray(logits), np.ascontiguousarray(labels, np.int64)
    scores = RowScores.empty(labels, logits.shape[1], logits.dtype)
    kernels.current().score(logits, labels, *scores.arrays)
    return scores
