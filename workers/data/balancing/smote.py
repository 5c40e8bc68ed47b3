"""SMOTE: new examples between neighbours of one class."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.data.balancing.balancing import Balancing, Counts, Draw, Growth, Sampler, grown_counts
from workers.data.dataset import Dataset, Indices, rows_by_class
from workers.data.errors import TooFewRows
from workers.data.scaling import Scaler
from workers.nn.arrays import Integers
from workers.variant import Count, Probability, variant

CHUNK_VALUES = 2**22


class Neighbours(NamedTuple):
    """The rows of a class that grows (n_k,), the k nearest of each (n_k, k), and how many examples to add."""

    rows: Indices
    nearest: Indices
    missing: int


@variant
class Smote(Balancing):
    """Every row once, and x + u (x_nn - x) up to n_k^(1-g) n_max^g examples of class k, g = target_ratio.

    x is a random row of the class, x_nn one of its k nearest in the same class, by scaled features; u is
    uniform on [0, 1). Drawn anew for each epoch. A class that grows needs more than k rows.
    Source: Chawla et al. 2002. Oracle: imblearn.over_sampling.SMOTE (g = 1).
    """

    name: Literal["smote"] = "smote"
    k: Count = 5
    target_ratio: Probability = 1.0
    max_growth: Growth | None = None

    def expected_counts(self, counts: Integers) -> Counts:
        return grown_counts(counts, self.target_ratio, self.max_growth)

    def require(self, counts: Integers, classes: Sequence[str]) -> None:
        grows = self.expected_counts(counts) > counts
        for name, rows, more in zip(classes, counts.tolist(), grows, strict=True):
            if more and rows <= self.k:
                needed = f"smote takes the {self.k} nearest neighbours of a row"
                raise TooFewRows(f"class '{name}'", rows, self.k + 1, needed)

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        self.require(training.counts, training.classes)
        grown = self._neighbours(training, scaler)
        originals = np.arange(len(training))

        def epoch(resampling: np.random.Generator, shuffling: np.random.Generator) -> Draw:
            rows, partners = [originals], [originals]
            for of_class in grown:
                x = resampling.integers(len(of_class.rows), size=of_class.missing)
                nearest = of_class.nearest[x, resampling.integers(self.k, size=of_class.missing)]
                rows.append(of_class.rows[x])
                partners.append(of_class.rows[nearest])
            mixing = np.zeros(sum(map(len, rows)), np.float32)
            resampling.random(out=mixing[len(originals) :], dtype=np.float32)
            order = shuffling.permutation(len(mixing))
            return Draw(np.concatenate(rows)[order], np.concatenate(partners)[order], mixing[order])

        return epoch

    def _neighbours(self, training: Dataset, scaler: Scaler) -> list[Neighbours]:
        missing = (self.expected_counts(training.counts) - training.counts).astype(np.int64)
        return [
            Neighbours(rows, nearest_neighbours(scaler(training.features[rows]), self.k), int(more))
            for rows, more in zip(rows_by_class(training.labels, len(training.classes)), missing, strict=True)
            if more
        ]


def nearest_neighbours(x: NDArray[np.float32], k: int) -> Indices:
    """The k nearest other rows of each row of `x` (n, d), n > k, shape (n, k), in no particular order.

    Brute force, a block of rows at a time: |a - b|^2 = |a|^2 - 2 ab + |b|^2, of which |a|^2 ranks nothing.
    """
    x = x - x.mean(axis=0)  # small numbers cancel less
    squares = np.einsum("ij,ij->i", x, x)
    nearest = np.empty((len(x), k), np.int64)
    step = max(1, CHUNK_VALUES // len(x))
    for start in range(0, len(x), step):
        block = x[start : start + step]
        distances = squares - 2 * (block @ x.T)
        own = np.arange(len(block))
        distances[own, start + own] = np.inf
        nearest[start : start + step] = np.argpartition(distances, k - 1, axis=1)[:, :k]
    return nearest
