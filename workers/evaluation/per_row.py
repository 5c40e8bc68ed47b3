"""What is measured on each row: its loss, and what the predicted distribution says of it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from workers.evaluation.calibration import gaps_of
from workers.nn import kernels
from workers.nn.arrays import Array, Integers, mean


class MeanLoss(NamedTuple):
    """The mean of the spec's loss over the rows, and that over the weights of their classes; None if all are 0."""

    unweighted: float
    weighted: float | None

    @staticmethod
    def of(losses: Array, weights: NDArray[np.float64] | None = None) -> "MeanLoss":
        """losses, weights: (N,). Without weights both means are the same."""
        unweighted = mean(losses)
        if weights is None:
            return MeanLoss(unweighted, unweighted)
        total = weights.sum()
        return MeanLoss(unweighted, float(weights @ losses / total) if total > 0 else None)


class MeanScores(NamedTuple):
    """What metrics take of `RowScores`: how many rows, their mean -log p_y and squared distance, and the gaps."""

    rows: int
    nll: float
    squared_distance: float
    gaps: NDArray[np.float64]


class RowScores(NamedTuple):
    """What softmax(logits) says of each row: see kernels.contract.Kernels.score. odds (K, N), all others (N,).

    gaps: of each bin of the calibration error, as `Kernels.evaluate` has them; None if no kernel has written them.
    """

    labels: Integers
    predictions: Integers
    negative_log_p: Array
    squared_distance: Array
    confidence: Array
    odds: Array
    gaps: NDArray[np.float64] | None = None

    @staticmethod
    def empty(
        labels: Integers, classes: int, dtype: DTypeLike, gaps: NDArray[np.float64] | None = None
    ) -> "RowScores":
        """For a kernel to fill."""
        rows = len(labels)
        negative_log_p, squared_distance, confidence = np.empty((3, rows), dtype)
        predictions, odds = np.empty(rows, np.int64), np.empty((classes, rows), dtype)
        return RowScores(labels, predictions, negative_log_p, squared_distance, confidence, odds, gaps)

    @property
    def arrays(self) -> tuple[Integers, Array, Array, Array, Array]:
        """What `Kernels.score` writes, in its order."""
        return self.predictions, self.negative_log_p, self.squared_distance, self.confidence, self.odds

    @property
    def means(self) -> MeanScores:
        """What metrics take."""
        gaps = gaps_of(self.confidence, self.is_right) if self.gaps is None else self.gaps
        return MeanScores(len(self.labels), mean(self.negative_log_p), mean(self.squared_distance), gaps)

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
