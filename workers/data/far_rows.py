"""Rows far outside of what a scaling was fitted to, and their words: a network extrapolates there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Features
from workers.data.scaling import Scaler, Scaling
from workers.nn.arrays import Array, Shape

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

    features: their indices in the data set, at most NAMED; largest: the size of the largest scaled value of each.
    names: of these features if they are columns of a table, else none; nor had an older version any.
    """

    rows: int
    feature_count: int
    features: list[int]
    largest: list[float]
    names: list[str] = field(default_factory=list)


def describe(far: FarRows, counted: str, scaling: str, shape: Shape | None) -> tuple[str, str]:
    """A sentence and a remedy. counted: the rows with their number. shape: of an image, or None."""
    names = [f"'{name}'" for name in far.names] or [_feature(index, shape) for index in far.features]
    named = ", ".join(f"{name} (up to {size:,.0f})" for name, size in zip(names, far.largest, strict=True))
    more = (
        f" and {far.feature_count - len(far.features)} more" if far.feature_count > len(far.features) else ""
    )
    sentence = (
        f"{counted} {'lies' if far.rows == 1 else 'lie'} more than {FAR:g} {UNITS[scaling]} of training away, in "
        f"{named}{more}: the model extrapolates there, and a few such rows can decide its figures."
    )
    return sentence, _how_to_scale(scaling, shape)


def _feature(index: int, shape: Shape | None) -> str:
    """A feature by its position: of an image, the row and the column of its pixel; all from 0."""
    if shape is None:
        return f"feature {index}"
    _, width, channels = shape
    return f"pixel {index // (width * channels)}, {index // channels % width}"


def _how_to_scale(scaling: str, shape: Shape | None) -> str:
    if shape is not None and scaling != "global_standard":
        return 'Scale all pixels alike: "scaling": "unit" for bytes, "global_standard" for other images.'
    other = '"scaling": "robust"' if scaling == "standard" else '"scaling": "standard"'
    return (
        "Check these values. If they are right, clip them or take their logarithm before the upload, or compare with "
        f"{other}."
    )


class FarRowsCounter:
    """Scales rows like `scaler`, and counts far ones while it does: they are not read a second time."""

    def __init__(self, scaler: Scaler) -> None:
        self._scaler, self._rows = scaler, 0
        self._largest = np.zeros(scaler.width)

    def into(self, features: Features, out: Array) -> Array:
        """What `Scaler.into` does."""
        self.count(self._scaler.into(features, out))
        return out

    def count(self, scaled: Array) -> None:
        """Count the far ones among scaled rows (m, d)."""
        sizes = np.abs(scaled)
        self._rows += int((sizes.max(axis=1) > FAR).sum())
        np.maximum(self._largest, sizes.max(axis=0), out=self._largest)

    def found(self, scaling: Scaling, columns: Sequence[Column] | None = None) -> FarRows | None:
        """The far rows so far; None if there are none, or if the scaling does not measure the spread.

        columns: of the data set, if it is a table.
        """
        if not self._rows or scaling.name not in UNITS:
            return None
        order = np.argsort(-self._largest, kind="stable")
        far = order[self._largest[order] > FAR]
        named = far[:NAMED]
        features = self._scaler.stored_features(named).tolist()
        names = [columns[index].name for index in features] if columns else []
        return FarRows(self._rows, len(far), features, self._largest[named].tolist(), names)
