"""The layout of encoded rows: which stored value of which column becomes which element of a network's input."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Array, Integers


@dataclass(frozen=True, eq=False)
class Layout:
    """Arrays that say how d columns become D elements.

    A number x of column j becomes element starts[j], or fills[j] does if it is missing; then element indicators[j]
    is 1, if that is not -1. A category has a table: entries tables[j] to tables[j + 1] of `places` and `values`, one
    for each level and a last one for missing values. Its element places[t] is values[t]; with place -1, and for a
    level that has no entry, all of its elements are 0. Columns without a table are numbers. scaled: (D,), which
    elements are numbers that a scaling applies to; the others are 0 or 1.
    """

    starts: Integers
    fills: NDArray[np.float32]
    indicators: Integers
    tables: Integers
    places: Integers
    values: NDArray[np.float32]
    scaled: NDArray[np.bool_]

    @property
    def width(self) -> int:
        """The number D of elements."""
        return len(self.scaled)

    @property
    def has_table(self) -> NDArray[np.bool_]:
        """Which columns (d,) are looked up in a table."""
        found: NDArray[np.bool_] = np.diff(self.tables) > 0
        return found

    def column_of_element(self) -> Integers:
        """The column (D,) that each element comes from."""
        return np.searchsorted(self.starts, np.arange(self.width), side="right") - 1

    def arrays(self) -> dict[str, Array]:
        """All arrays by name, in types that a file of tensors has; `from_arrays` is the inverse."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "scaled": self.scaled.astype(np.uint8)
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> "Layout":
        """The inverse of `arrays`."""
        return cls(**{**arrays, "scaled": arrays["scaled"].astype(np.bool_)})
