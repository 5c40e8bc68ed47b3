"""The rows of a softmax regression, standardised, so that its solver works alike on features of any scale."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import DTypeLike, NDArray

from workers.nn.arrays import Array, Integers

Floats = NDArray[np.float64]
Reader = Callable[[slice], Floats]
"""Some of the rows (m, d) in float64, as the network reads them."""

CHUNK_ELEMENTS = 2**18
"""Elements of the rows that are processed at a time: 2 MB in float64."""
LARGEST_GRAM = 2048
"""The most features for which the products of all pairs are computed."""


class StandardisedRows:
    """z = (x - mean) * factor, per feature; factor is 1 / sd, and 0 for a feature that does not vary.

    labels: (n,). share: (n,), the share of each row in the objective; they sum to 1. gram: sum_i share_i z_i z_i^T,
    (d, d), or None for too many features. Stored once in float32; `chunks` in float64 reads the rows again.
    """

    def __init__(
        self, read: Reader, labels: Integers, *, features: int, classes: int, weights: Floats | None = None
    ) -> None:
        n = len(labels)
        self.labels, self.classes, self.features, self._read = labels, classes, features, read
        self.share: Floats = np.full(n, 1 / n) if weights is None else weights / weights.sum()
        self._step = max(1, CHUNK_ELEMENTS // features)
        self.mean, self.factor = self._moments()
        self._single = np.empty((n, features), np.float32)
        for rows, z in self._standardised():
            self._single[rows] = z
        self.gram = self._gram() if features <= LARGEST_GRAM else None

    def __len__(self) -> int:
        return len(self.labels)

    def chunks(self, dtype: DTypeLike) -> Iterator[tuple[slice, Array]]:
        """All rows, chunk by chunk, in float32 or float64: which rows, and their z."""
        if dtype == np.float64:
            yield from self._standardised()
        else:
            for rows in self._slices():
                yield rows, self._single[rows]

    def _slices(self) -> Iterator[slice]:
        return (slice(start, start + self._step) for start in range(0, len(self), self._step))

    def _standardised(self) -> Iterator[tuple[slice, Floats]]:
        for rows in self._slices():
            z = self._read(rows) - self.mean
            z *= self.factor
            yield rows, z

    def _moments(self) -> tuple[Floats, Floats]:
        """Mean and 1 / sd of each feature, from deviations from the first row. They need not be exact."""
        first = self._read(slice(0, 1))[0]
        total, squares = np.zeros(self.features), np.zeros(self.features)
        for rows in self._slices():
            deviations = self._read(rows) - first
            total += self.share[rows] @ deviations
            squares += self.share[rows] @ np.square(deviations)
        deviation = np.sqrt(np.maximum(squares - total**2, 0))
        varies = deviation > 1e-12 * np.abs(first + total)
        return first + total, np.divide(1, deviation, out=np.zeros(self.features), where=varies)

    def _gram(self) -> Floats:
        gram = np.zeros((self.features, self.features))
        for rows, z in self.chunks(np.float32):
            gram += z.T @ (z * self.share[rows, None].astype(np.float32))
        return gram
