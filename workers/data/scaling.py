"""Scaling of features: fitted to the training part alone, applied to every row that a network reads."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workers.data.dataset import Dataset, Features, Indices, Labels
from workers.data.feature_statistics import moments, quartiles, uses_range_of_bytes
from workers.nn import kernels
from workers.nn.arrays import Array, Integers
from workers.tagged_union import ByName, variant


@dataclass(frozen=True, eq=False)
class Scaler:
    """(x - offset) * factor, per feature; offset and factor (d,) float32."""

    offset: NDArray[np.float32]
    factor: NDArray[np.float32]

    @property
    def width(self) -> int:
        """The features of a scaled row."""
        return len(self.offset)

    @property
    def stored_width(self) -> int:
        """The features of a row as it is stored."""
        return len(self.offset)

    @property
    def gives_zeros(self) -> bool:
        """Whether most elements of scaled rows are 0."""
        return False

    def stored_features(self, elements: Integers) -> Integers:
        """The features of a stored row that elements of a scaled row come from."""
        return elements

    def __call__(self, features: Features) -> NDArray[np.float32]:
        """Scaled `features` (m, d), as a new float32 array."""
        return self.into(features, np.empty((len(features), self.width), np.float32))

    def in_double(self, features: Features) -> NDArray[np.float64]:
        """Scaled `features` (m, d), computed in double precision, as a new array."""
        scaled = np.empty((len(features), self.width))
        self.into(features, scaled)
        return scaled

    def into(self, features: Features, out: Array) -> Array:
        """Write scaled `features` (m, d) to `out` (m, d), in its dtype; both may be the same array."""
        kernels.current().scale(features, self.offset, self.factor, out)
        return out

    def gather(self, features: Features, labels: Labels, rows: Indices, x: Array, y: Labels) -> None:
        """Write the scaled `rows` (m,) of `features` (n, d) to x (m, d), and of `labels` to y (m,)."""
        kernels.current().gather(features, labels, rows, self.offset, self.factor, x, y)


class Scaling(ABC):
    """Fits a scaler to a training part.

    A feature that is constant in training gets factor 0: the network learnt nothing about it, so it must not count
    elsewhere.
    """

    name: str
    joint: ClassVar[bool] = False
    """Whether a feature's scale depends on other features."""

    def resolved(self, dataset: Dataset) -> "Scaling":
        """The scaling to use on a data set: itself, except for `auto`."""
        return self

    @abstractmethod
    def fit(self, training: Dataset) -> Scaler:
        """The scaler for `training` and for every other part. Reads a memory-mapped part chunk by chunk."""


@variant
class NoScaling(Scaling):
    """Features as they are, except that those constant in training become 0.

    When: if all features already share a scale near 1.
    """

    name: Literal["none"] = "none"

    def fit(self, training: Dataset) -> Scaler:
        return _one_scale(training, 0.0, 1.0)


@variant
class Unit(Scaling):
    """x / 255: the bytes of images from 0 to 1, all features on one scale.

    When: for images of bytes.
    """

    name: Literal["unit"] = "unit"

    def fit(self, training: Dataset) -> Scaler:
        return _one_scale(training, 0.0, 255.0)


@variant
class Standard(Scaling):
    """(x - mean) / sd of each feature; sd is the population's (ddof 0).

    When: for tables.
    Oracle: sklearn.preprocessing.StandardScaler.
    """

    name: Literal["standard"] = "standard"

    def fit(self, training: Dataset) -> Scaler:
        mean, variance = moments(training.features)
        return _scaler(mean, np.sqrt(variance))


@variant
class GlobalStandard(Scaling):
    """(x - mean) / sd with one mean and one sd over all features: for images, whose pixels share a scale.

    When: for images that are not bytes.
    """

    name: Literal["global_standard"] = "global_standard"
    joint: ClassVar[bool] = True

    def fit(self, training: Dataset) -> Scaler:
        mean, variance = moments(training.features)
        centre = mean.mean()
        spread = np.sqrt(variance.mean() + ((mean - centre) ** 2).mean())  # within features, and between
        return _scaler(np.full_like(mean, centre), np.where(variance > 0, spread, 0.0))


@variant
class MinMax(Scaling):
    """(x - min) / (max - min) of each feature: [0, 1] on the training part, possibly beyond elsewhere.

    When: if features have limits and no outliers.
    Oracle: sklearn.preprocessing.MinMaxScaler.
    """

    name: Literal["minmax"] = "minmax"

    def fit(self, training: Dataset) -> Scaler:
        low = training.features.min(axis=0).astype(np.float64)
        return _scaler(low, training.features.max(axis=0) - low)


@variant
class Robust(Scaling):
    """(x - median) / IQR of each feature, IQR the distance between its quartiles: outliers do not change it.

    If more than half of the rows share one value, the IQR may be 0: then the standard deviation takes its place.
    When: for tables with outliers.
    Oracle: sklearn.preprocessing.RobustScaler.
    """

    name: Literal["robust"] = "robust"

    def fit(self, training: Dataset) -> Scaler:
        features = training.features
        low, median, high = quartiles(features)
        spread = high - low
        if not spread.all():
            _, variance = moments(features)
            spread = np.where(spread > 0, spread, np.sqrt(variance))
        return _scaler(median, spread)


@variant
class Auto(Scaling):
    """Chosen by the data set: unit for images of bytes, global_standard for other images, standard for tables.

    The pixels of images share one scale: scaled one by one, a pixel that is blank in almost every image reaches
    thousands of standard deviations. Images whose bytes are all below 128 do not use the
    range of bytes (digits has 17 levels) and count as other images. The stored spec names the chosen scaling.

    When: to begin with.
    """

    name: Literal["auto"] = "auto"

    def resolved(self, dataset: Dataset) -> Scaling:
        if dataset.shape is None:
            return Standard()
        return Unit() if uses_range_of_bytes(dataset.features) else GlobalStandard()

    def fit(self, training: Dataset) -> Scaler:
        return self.resolved(training).fit(training)


def _one_scale(training: Dataset, offset: float, spread: float) -> Scaler:
    """A scaler with the same offset and spread for every feature that varies in training."""
    mean, variance = moments(training.features)
    return _scaler(np.full_like(mean, offset), np.where(variance > 0, spread, 0.0))


def _scaler(offset: ArrayLike, spread: NDArray[Any]) -> Scaler:
    """Factor 1 / spread, and 0 for a spread of 0; at most the largest number of single precision."""
    factor = np.zeros(len(spread))
    with np.errstate(over="ignore"):
        np.divide(1, spread, out=factor, where=spread > 0)
    factor = np.minimum(factor, np.finfo(np.float32).max)
    return Scaler(np.asarray(offset, np.float32), factor.astype(np.float32))


AnyScaling = Annotated[Auto | NoScaling | Unit | Standard | GlobalStandard | MinMax | Robust, ByName()]
