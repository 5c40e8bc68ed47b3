"""Scaling of features: fitted on the training part alone, applied to every row that a network sees."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workers.data.dataset import Dataset, Features
from workers.nn import kernels
from workers.nn.arrays import Array
from workers.variant import ByName, variant

CHUNK_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class Scaler:
    """(x - offset) * factor, per feature; offset and factor (d,) float32."""

    offset: NDArray[np.float32]
    factor: NDArray[np.float32]

    def __call__(self, features: Features) -> NDArray[np.float32]:
        """Scaled `features` (m, d), as a new float32 array."""
        return self.into(features, np.empty(features.shape, np.float32))

    def into(self, features: Features, out: Array) -> Array:
        """Write scaled `features` (m, d) to `out` (m, d), in its dtype; both may be the same array."""
        kernels.current().scale(features, self.offset, self.factor, out)
        return out


class Scaling(ABC):
    """Finds the scaler of a training part. A constant feature is moved, never stretched: its factor is 1."""

    name: str

    @abstractmethod
    def fit(self, training: Dataset) -> Scaler:
        """The scaler for `training` and for every part beside it. Memory stays small beside a mapped part."""


@variant
class NoScaling(Scaling):
    """Features as they are."""

    name: Literal["none"] = "none"

    def fit(self, training: Dataset) -> Scaler:
        return _scaler(np.zeros(training.features.shape[1]), np.ones(training.features.shape[1]))


@variant
class Standard(Scaling):
    """(x - mean) / sd of each feature; sd is the population's (ddof 0).

    Oracle: sklearn.preprocessing.StandardScaler.
    """

    name: Literal["standard"] = "standard"

    def fit(self, training: Dataset) -> Scaler:
        mean, variance = _moments(training.features)
        return _scaler(mean, np.sqrt(variance))


@variant
class GlobalStandard(Scaling):
    """(x - mean) / sd with one mean and one sd over all features: for images, whose pixels share a scale."""

    name: Literal["global_standard"] = "global_standard"

    def fit(self, training: Dataset) -> Scaler:
        mean, variance = _moments(training.features)
        centre = mean.mean()
        spread = np.sqrt(variance.mean() + ((mean - centre) ** 2).mean())  # within features, and between
        return _scaler(np.full_like(mean, centre), np.full_like(mean, spread))


@variant
class MinMax(Scaling):
    """(x - min) / (max - min) of each feature: [0, 1] on the training part, beyond it possible elsewhere.

    Oracle: sklearn.preprocessing.MinMaxScaler.
    """

    name: Literal["minmax"] = "minmax"

    def fit(self, training: Dataset) -> Scaler:
        low = training.features.min(axis=0).astype(np.float64)
        return _scaler(low, training.features.max(axis=0) - low)


def _scaler(offset: ArrayLike, spread: NDArray[Any]) -> Scaler:
    factor = 1 / np.where(spread > 0, spread, 1.0)
    return Scaler(np.asarray(offset, np.float32), factor.astype(np.float32))


def _moments(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and population variance (d,) in float64; the variance of a constant feature is exactly zero."""
    return _moments_of_bytes(features) if features.dtype == np.uint8 else _moments_of_floats(features)


EXACT_ROWS = 256
"""Squared differences of so many bytes add up to less than 2^24: float32 loses nothing, and is fast."""


def _moments_of_bytes(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From the sums of x - x_0 and of its square, x_0 the first row; both sums are exact."""
    rows, first = len(features), features[0].astype(np.float32)
    total, squares = np.zeros(features.shape[1]), np.zeros(features.shape[1])
    chunk = np.empty((min(EXACT_ROWS, rows), features.shape[1]), np.float32)
    ones = np.ones(len(chunk), np.float32)
    for start in range(0, rows, EXACT_ROWS):
        some = features[start : start + EXACT_ROWS]
        deviations = np.subtract(some, first, out=chunk[: len(some)])
        total += ones[: len(some)] @ deviations
        squares += ones[: len(some)] @ np.square(deviations, out=deviations)
    return first + total / rows, (squares - total * total / rows) / rows


def _moments_of_floats(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chunk by chunk, of deviations from the first row: Chan, Golub & LeVeque 1979."""
    rows, mean, squares = 0, np.zeros(features.shape[1]), np.zeros(features.shape[1])
    first = features[0].astype(np.float64)
    for chunk in _chunks(features):
        chunk -= first
        total, between = rows + len(chunk), chunk.mean(axis=0) - mean
        chunk -= mean + between
        squares += np.einsum("ij,ij->j", chunk, chunk) + between**2 * (rows * len(chunk) / total)
        mean += between * (len(chunk) / total)
        rows = total
    return first + mean, squares / rows


def _chunks(features: Features) -> Iterator[NDArray[np.float64]]:
    step = max(1, CHUNK_BYTES // (8 * features.shape[1]))
    for start in range(0, len(features), step):
        yield features[start : start + step].astype(np.float64)


AnyScaling = Annotated[NoScaling | Standard | GlobalStandard | MinMax, ByName()]
