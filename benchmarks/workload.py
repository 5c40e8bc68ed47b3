"""The workload that every framework trains: a network, its data and its initial weights."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

BATCHES = 50
"""Batches per epoch. The losses of the first epoch are compared before anything is timed."""
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Workload:
    """Cross-entropy and Adam on standardised bytes.

    regularised: batch norm and dropout behind every hidden layer.
    filters: the channels of the 3 x 3 convolutions before the dense layers, each followed by a pooling of 2.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    regularised: bool = False
    dropout: float = 0.2
    filters: tuple[int, ...] = ()
    data: "Data" = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _data(BATCHES * self.batch, self.widths[0], self.widths[-1]))

    def __str__(self) -> str:
        layers = "-".join(map(str, self.filters or self.widths))
        ending = ", batch norm and dropout" if self.regularised else ""
        return f"{self.name}: {layers}, batches of {self.batch}{ending}"

    def weights(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Initial (weight, bias) of the dense layers."""
        generator = np.random.default_rng(1)
        return [
            (generator.normal(0, np.sqrt(2 / i), (i, o)).astype(np.float32), np.zeros(o, np.float32))
            for i, o in zip(self.widths, self.widths[1:], strict=False)
        ]


@dataclass(frozen=True, eq=False)
class Data:
    """Rows as stored bytes, the same rows scaled for frameworks without a scaler, labels, and a shuffled order."""

    features: NDArray[np.uint8]
    scaled: NDArray[np.float32]
    labels: NDArray[np.int64]
    order: NDArray[np.int64]


def _data(rows: int, width: int, classes: int) -> Data:
    """Random bytes, with labels of a random linear rule, which can be learned."""
    generator = np.random.default_rng(0)
    features = generator.integers(0, 256, (rows, width), np.uint8)
    scaled = ((features - features.mean(axis=0)) / features.std(axis=0)).astype(np.float32)
    labels = (scaled @ generator.normal(size=(width, classes)).astype(np.float32)).argmax(axis=1)
    return Data(features, scaled, labels, generator.permutation(rows))


def shapes(*, regularised: bool) -> list[Workload]:
    """Networks from a small table to about what one core trains in an evening."""
    return [
        Workload("S", (64, 32, 10), 32, regularised),
        Workload("M", (784, 128, 10), 64, regularised),
        Workload("L", (784, 256, 128, 10), 128, regularised),
        Workload("XL", (784, 1024, 1024, 10), 128, regularised),
    ]


CONVOLUTION = Workload("C", (784, 10), 64, filters=(16, 32))
"""Images of 28 x 28: 1-16-32 channels, then one dense layer."""
