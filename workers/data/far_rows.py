"""Rows far outside of what a scaling was fitted to: a network extrapolates from them, and its logits explode."""

from dataclasses import dataclass

import numpy as np

from workers.data.dataset import Features
from workers.data.scaling import Scaler, Scaling
from workers.nn.arrays import Array

FAR = 20.0
"""Scaled values beyond it, in either direction, are far."""
UNITS = {
    "standard": "standard deviations",
    "global_standard": "standard deviations",
    "robust": "interquartile ranges",
    "minmax": "ranges",
}
"""What a scaled value counts, by the name of the scaling. Others do not measure how training rows spread."""
NAMED = 5


@dataclass(frozen=True)
class FarRows:
    """How many rows have a far value, in how many features, and the features with the largest, largest first.

    features: their indices, at most NAMED; largest: the size of the largest scaled value of each.
    """

    rows: int
    feature_count: int
    features: list[int]
    largest: list[float]


class FarRowsCounter:
    """Scales rows like `scaler`, and counts far ones while it does: they are not read a second time."""

    def __init__(self, scaler: Scaler) -> None:
        self._scaler, self._rows = scaler, 0
        self._largest = np.zeros(len(scaler.offset))

    def into(self, features: Features, out: Array) -> Array:
        """What `Scaler.into` does."""
        sizes = np.abs(self._scaler.into(features, out))
        self._rows += int((sizes.max(axis=1) > FAR).sum())
        np.maximum(self._largest, sizes.max(axis=0), out=self._largest)
        return out

    def found(self, scaling: Scaling) -> FarRows | None:
        """The far rows so far; None if there are none, or if the scaling does not measure the spread."""
        if not self._rows or scaling.name not in UNITS:
            return None
        order = np.argsort(-self._largest, kind="stable")
        far = order[self._largest[order] > FAR]
        named = far[:NAMED]
        return FarRows(self._rows, len(far), named.tolist(), self._largest[named].tolist())
