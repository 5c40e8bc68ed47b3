"""Rows of a response as a table: columns as NumPy arrays, a DataFrame where pandas is installed, HTML in Jupyter."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from service.client import html

if TYPE_CHECKING:
    import numpy as np

SHOWN_ROWS = 50


class Table(Sequence[dict[str, Any]]):
    """Rows of named values: `table[0]` is a row, `table["loss"]` an array, `table.to_pandas()` a DataFrame."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = list(rows)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(dict.fromkeys(name for row in self._rows for name in row))

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> "Table": ...

    @overload
    def __getitem__(self, index: str) -> "np.ndarray[Any, Any]": ...

    def __getitem__(self, index: int | slice | str) -> "dict[str, Any] | Table | np.ndarray[Any, Any]":
        if isinstance(index, str):
            return self.column(index)
        return Table(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def column(self, name: str) -> "np.ndarray[Any, Any]":
        """The values (n,) of a column. Numbers are floats, with NaN for null; booleans and texts stay what they are.

        Raises KeyError for a name that no row has.
        """
        import numpy as np

        if name not in self.names:
            raise KeyError(f"there is no column {name!r}; there are {', '.join(self.names)}")
        values = [row.get(name) for row in self._rows]
        present = [value for value in values if value is not None]
        if all(isinstance(value, bool) for value in values):
            return np.array(values, dtype=bool)
        if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            return np.array(values, dtype=np.int64)
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
            return np.array([np.nan if value is None else value for value in values], dtype=float)
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame. Raises ImportError without pandas."""
        import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pd.DataFrame(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {len(self):,} rows: {', '.join(self.names)}"

    def _repr_html_(self) -> str:
        return html.table(self.names, [list(map(row.get, self.names)) for row in self._rows[:SHOWN_ROWS]]) + (
            html.paragraph(f"and {len(self) - SHOWN_ROWS:,} more rows") if len(self) > SHOWN_ROWS else ""
        )
