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
from workers.tagged_union import ByName, variant

CHUNK_BYTES = 16 * 2**20
HALF_OF_A_BYTE = 128


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
    """Finds the scaler of a training part.

    A feature that is constant in training has factor 0: nothing was learnt of it, so it must not count elsewhere.
    """

    name: str

    def resolved(self, dataset: Dataset) -> "Scaling":
        """The scaling that this one stands for on a data set."""
        return self

    @abstractmethod
    def fit(self, training: Dataset) -> Scaler:
        """The scaler for `training` and for every part beside it. Memory stays small beside a mapped part."""


@variant
class NoScaling(Scaling):
    """Features as they are, but for those that are constant in training: they become 0."""

    name: Literal["none"] = "none"

    def fit(self, training: Dataset) -> Scaler:
        return _one_scale(training, 0.0, 1.0)


@variant
class Unit(Scaling):
    """x / 255: the bytes of images from 0 to 1, all features on one scale."""

    name: Literal["unit"] = "unit"

    def fit(self, training: Dataset) -> Scaler:
        return _one_scale(training, 0.0, 255.0)


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
        return _scaler(np.full_like(mean, centre), np.where(variance > 0, spread, 0.0))


@variant
class MinMax(Scaling):
    """(x - min) / (max - min) of each feature: [0, 1] on the training part, beyond it possible elsewhere.

    Oracle: sklearn.preprocessing.MinMaxScaler.
    """

    name: Literal["minmax"] = "minmax"

    def fit(self, training: Dataset) -> Scaler:
        low = training.features.min(axis=0).astype(np.float64)
        return _scaler(low, training.features.max(axis=0) - low)


@variant
class Robust(Scaling):
    """(x - median) / IQR of each feature, IQR the distance between its quartiles: outliers do not move it.

    Where more than half of the rows share one value the IQR may be 0: then the standard deviation takes its place.
    Oracle: sklearn.preprocessing.RobustScaler.
    """

    name: Literal["robust"] = "robust"

    def fit(self, training: Dataset) -> Scaler:
        features = training.features
        quartiles = np.empty((3, features.shape[1]))
        step = max(1, CHUNK_BYTES // (4 * features[:, :1].nbytes))
        for start in range(0, features.shape[1], step):
            quartiles[:, start : start + step] = _quartiles(features[:, start : start + step])
        low, median, high = quartiles
        spread = high - low
        if not spread.all():
            _, variance = _moments(features)
            spread = np.where(spread > 0, spread, np.sqrt(variance))
        return _scaler(median, spread)


@variant
class Auto(Scaling):
    """Chosen by the data set: unit for images of bytes, global_standard for other images, standard for tables.

    The pixels of images share one scale: scaled one by one, a pixel that is blank in almost every image reaches
    thousands of standard deviations. Images whose bytes all are below 128 use another range than bytes (digits
    has 17 levels) and count as other images. The stored and answered spec has the scaling that was chosen.
    """

    name: Literal["auto"] = "auto"

    def resolved(self, dataset: Dataset) -> Scaling:
        if dataset.shape is None:
            return Standard()
        return Unit() if _uses_the_range_of_bytes(dataset.features) else GlobalStandard()

    def fit(self, training: Dataset) -> Scaler:
        return self.resolved(training).fit(training)


def _uses_the_range_of_bytes(features: Features) -> bool:
    step = max(1, CHUNK_BYTES // features.shape[1])
    chunks = (features[start : start + step] for start in range(0, len(features), step))
    return features.dtype == np.uint8 and any(chunk.max() >= HALF_OF_A_BYTE for chunk in chunks)


def _one_scale(training: Dataset, offset: float, spread: float) -> Scaler:
    """The same for every feature that varies."""
    mean, variance = _moments(training.features)
    return _scaler(np.full_like(mean, offset), np.where(variance > 0, spread, 0.0))


def _quartiles(columns: Features) -> NDArray[np.float64]:
    """The three quartiles of each column, (3, d), interpolated linearly."""
    ordered = np.sort(columns, axis=0)
    places = np.array([0.25, 0.5, 0.75]) * (len(ordered) - 1)
    below, share = np.floor(places).astype(np.int64), (places % 1)[:, None]
    low = ordered[below].astype(np.float64)
    high = ordered[np.minimum(below + 1, len(ordered) - 1)].astype(np.float64)
    quartiles: NDArray[np.float64] = low + share * (high - low)
    return quartiles


def _scaler(offset: ArrayLike, spread: NDArray[Any]) -> Scaler:
    """Factor 1 / spread, and 0 where there is no spread; never so large that single precision cannot hold it."""
    factor = np.zeros(len(spread))
    with np.errstate(over="ignore"):
        np.divide(1, spread, out=factor, where=spread > 0)
    factor = np.minimum(factor, np.finfo(np.float32).max)
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


AnyScaling = Annotated[Auto | NoScaling | Unit | Standard | GlobalStandard | MinMax | Robust, ByName()]
