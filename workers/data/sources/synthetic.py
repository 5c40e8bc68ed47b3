"""Synthetic data: Gaussian classes of known difficulty."""

from itertools import cycle, islice
from math import sqrt
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.data.dataset import Dataset
from workers.data.sources.source import Contents, Source
from workers.randomness import generator
from workers.tagged_union import Count, NonNegative, Seed, variant

MOST_VALUES = 50_000_000


@variant
class Synthetic(Source):
    """Row i of class k is m_k + e_i, e_i standard normal in d features, m_k = separation/sqrt(2) u_k.

    The unit vectors u_k are the d axes in random order, then their negatives, and beyond 2d classes random
    corners of the cube. While K <= d any two means are exactly `separation` apart, so that the best possible
    accuracy of two equally frequent classes is Phi(separation/2); at 0 the classes cannot be distinguished.
    `counts` are the rows of each class; rows * features may be at most 50 million.
    """

    kind: ClassVar = "synthetic"

    name: Literal["synthetic"] = "synthetic"
    counts: Annotated[tuple[Count, ...], Field(min_length=2, max_length=1000)] = (1800, 200)
    features: Annotated[Count, Field(le=10_000)] = 20
    separation: NonNegative = 1.0
    seed: Seed = 0

    def __post_init__(self) -> None:
        values = sum(self.counts) * self.features
        if values > MOST_VALUES:
            most = MOST_VALUES // self.features
            raise ValueError(
                f"{sum(self.counts):,} rows of {self.features:,} features are {values:,} values, more than "
                f"{MOST_VALUES:,}; with these features, at most {most:,} rows"
            )

    @property
    def generated_rows(self) -> int:
        return sum(self.counts)

    @property
    def generated_bytes(self) -> int:
        return self.generated_rows * self.features * np.dtype(np.float32).itemsize

    def read(self, datasets: Path) -> Contents:
        stream = generator(self.seed, "synthetic")
        labels = np.repeat(np.arange(len(self.counts)), self.counts)
        means = self._means(stream)
        features = stream.standard_normal((len(labels), self.features), dtype=np.float32)
        starts = np.cumsum([0, *self.counts])
        for mean, start, end in zip(means, starts[:-1], starts[1:], strict=True):
            features[start:end] += mean
        classes = tuple(str(k) for k in range(len(self.counts)))
        return Contents(Dataset(self.name, features, labels, classes))

    def _means(self, stream: np.random.Generator) -> NDArray[np.float32]:
        # Axes and corners rather than directions from a matrix decomposition: they have the same bits on
        # every machine, whatever its linear algebra library.
        k, d = len(self.counts), self.features
        means = np.zeros((k, d), np.float32)
        axes = stream.permutation(d)
        size = self.separation / sqrt(2)
        for index, axis in enumerate(islice(cycle(axes), min(k, 2 * d))):
            means[index, axis] = size if index < d else -size
        corners = stream.integers(2, size=(max(k - 2 * d, 0), d)) * 2 - 1
        means[2 * d :] = corners * (size / sqrt(d))
        return means
