"""Precision: which columns need an offset to stay distinct in single precision, and which cannot be stored."""

import numpy as np
from numpy.typing import NDArray

MOST_MERGED = 0.01
"""The share of a column's neighbouring distinct values that may become equal."""
SMALLEST_SPREAD = 1e-36
"""The smallest range of a column: below it, 1 / sd and the values leave the range of single precision."""
SAMPLED_ROWS, SAMPLED_VALUES = 10_000, 2**22

Columns = NDArray[np.float64]


class PrecisionLost(ValueError):
    """Single precision cannot hold a column, even after subtracting an offset."""

    def __init__(self, column: int, wrong: str, right: str) -> None:
        self.column, self.wrong, self.right = column, wrong, right
        super().__init__(f"column {column} {wrong}; {right}")


def sampled_rows(rows: int, columns: int) -> NDArray[np.int64]:
    """Evenly spaced rows that represent a table: losing resolution far below their spacing is harmless."""
    most = min(rows, SAMPLED_ROWS, max(2, SAMPLED_VALUES // columns))
    return np.unique(np.linspace(0, rows - 1, most).astype(np.int64))


def needed_offset(sample: Columns) -> Columns | None:
    """The offset (d,) of a sample (m, d) that keeps its columns distinct in single precision; None if none is needed.

    A column whose neighbouring values would merge gets its median, one of its own values: differences of close
    float64 values are exact. The others get 0. Missing values, which are NaN, do not count.
    """
    ordered = np.sort(sample, axis=0)
    merging = _merged(ordered) > MOST_MERGED
    return np.where(merging, _at(ordered, (_filled(ordered) - 1) // 2), 0.0) if merging.any() else None


def require_distinct(sample: Columns, offset: Columns | None) -> None:
    """Raise PrecisionLost for a column whose values would still merge, or are too small to be scaled."""
    ordered = np.sort(sample if offset is None else sample - offset, axis=0)
    spread = np.nan_to_num(_at(ordered, _filled(ordered) - 1) - ordered[0])
    tiny = (spread > 0) & (spread < SMALLEST_SPREAD)
    if tiny.any():
        right = "multiply the column by a power of ten"
        raise PrecisionLost(int(tiny.argmax()), f"spans less than {SMALLEST_SPREAD:g}", right)
    share = _merged(ordered)
    if (share > MOST_MERGED).any():
        column = int(share.argmax())
        wrong = f"has distinct values of which {share[column]:.0%} become equal in single precision"
        right = "split it into columns that need fewer digits, such as day and time of day"
        raise PrecisionLost(column, wrong, right)


def _merged(ordered: Columns) -> Columns:
    """For each sorted column, the share of its neighbouring distinct values that are equal in single precision."""
    single = ordered.astype(np.float32)
    distinct = ordered[1:] > ordered[:-1]  # false next to the missing values, which are sorted to the end
    merged = distinct & (single[1:] == single[:-1])
    share: Columns = merged.sum(axis=0) / np.maximum(distinct.sum(axis=0), 1)
    return share


def _filled(ordered: Columns) -> NDArray[np.int64]:
    """For each column, how many values are not missing."""
    filled: NDArray[np.int64] = (~np.isnan(ordered)).sum(axis=0)
    return filled


def _at(ordered: Columns, places: NDArray[np.int64]) -> Columns:
    """The value of each sorted column at its place; NaN of an empty column."""
    values: Columns = np.take_along_axis(ordered, np.maximum(places, 0)[None], axis=0)[0]
    return values
