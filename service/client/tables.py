"""Rows of a response as a table: columns as NumPy arrays, a DataFrame where pandas is installed, HTML in Jupyter."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SHOWN_ROWS = 50


class Table(Sequence[dict[str, Any]]):
    """Rows with the same fields. `table[0]` is a row, `table.column(name)` an array, `table.frame()` a DataFrame."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = list(rows)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self._rows[0]) if self._rows else []

    def column(self, name: str) -> "np.ndarray[Any, Any]":
        """The values (n,) of a column: floats if all are numbers or null, which is NaN; else objects."""
        import numpy as np

        values = [row[name] for row in self._rows]
        if all(isinstance(value, int | float) or value is None for value in values):
            return np.array([float("nan") if value is None else value for value in values], dtype=float)
        return np.array(values, dtype=object)

    def frame(self) -> Any:
        """The table as a pandas DataFrame. Raises ImportError without pandas."""
        import pandas as pd  # type: ignore[import-untyped]

        return pd.DataFrame(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"Table of {len(self):,} rows: {', '.join(self.names)}"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row.values()) + "</tr>"
            for row in self._rows[:SHOWN_ROWS]
        )
        more = len(self) - SHOWN_ROWS
        note = f"<p>and {more:,} more rows</p>" if more > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
