"""The encoder of a table: fills in what is missing, encodes categories and scales, in one pass over the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Features, Indices, Labels
from workers.data.preprocessing.layout import Layout
from workers.data.scaling import Scaler
from workers.nn import kernels
from workers.nn.arrays import Array, Integers

ZERO_TIMES = 4
"""From so many elements for each column, products with those that are not 0 take less time than with all."""


@dataclass(frozen=True, eq=False)
class Encoder(Scaler):
    """A scaler that encodes rows (m, d) of a table first: offset and factor (D,) apply to the encoded ones."""

    layout: Layout

    @property
    def stored_width(self) -> int:
        """The columns of a row as it is stored."""
        return len(self.layout.starts)

    @property
    def gives_zeros(self) -> bool:
        """Whether it has far more elements than a row fills: about one for each column."""
        return self.width >= ZERO_TIMES * self.stored_width

    def stored_features(self, elements: Integers) -> Integers:
        """The columns that elements of an encoded row come from."""
        return self.layout.column_of_element()[elements]

    def into(self, features: Features, out: Array) -> Array:
        """Write encoded and scaled `features` (m, d) to `out` (m, D), another array."""
        self._encode(features, np.arange(len(features)), out)
        return out

    def gather(self, features: Features, labels: Labels, rows: Indices, x: Array, y: Labels) -> None:
        """Write the encoded and scaled `rows` (m,) to x (m, D), and their labels to y (m,)."""
        np.take(labels, rows, out=y, mode="clip")
        self._encode(features, rows, x)

    def imputed(self, features: Features) -> NDArray[np.float32]:
        """`features` (m, d) with the numbers that are missing filled in; missing categories stay missing."""
        values = np.array(features, np.float32)
        absent = np.isnan(values) & ~self.layout.has_table
        values[absent] = np.broadcast_to(self.layout.fills, values.shape)[absent]
        return values

    @property
    def nominal(self) -> NDArray[np.bool_]:
        """Which columns (d,) are categories or booleans: no value lies between two of theirs."""
        return self.layout.has_table | ~self.layout.scaled[np.minimum(self.layout.starts, self.width - 1)]

    def mixed(
        self,
        stored: Features,
        partners: Features,
        mixing: NDArray[np.float32],
        agreed: NDArray[np.float32] | None,
    ) -> NDArray[np.float32]:
        """New rows as they would be stored, (m, d): numbers x + u (x' - x), u = mixing (m,), and the rest `agreed`.

        A number that is NaN in `agreed` is missing. With u = 0, or without `agreed`, the row stays as it is.
        """
        rows = np.array(stored, np.float32)
        new = np.flatnonzero(mixing)
        if agreed is None or not len(new):
            return rows
        x, towards, agreed = self.imputed(stored[new]), self.imputed(partners[new]), agreed[new]
        numbers = x + mixing[new, None] * (towards - x)
        numbers[np.isnan(agreed)] = np.nan
        rows[new] = np.where(self.nominal, agreed, numbers)
        return rows

    def _encode(self, features: Features, rows: Integers, x: Array) -> None:
        layout = self.layout
        kernels.current().encode(
            features,
            rows,
            layout.starts,
            layout.fills,
            layout.indicators,
            layout.tables,
            layout.places,
            layout.values,
            self.offset,
            self.factor,
            x,
        )
