"""Corruptions of tables: noise, missing columns, unseen levels, wrong units, swapped columns.

All but noise hit some columns of each row: a share of those that they can hit, at least one, drawn anew for each row.
So a figure is the mean over which columns are hit.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.corruptions.corruption import Corruption, Floats

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
THOUSAND = 1000.0
UNKNOWN_LEVEL = -1
"""How a data set stores a level that its training rows did not have."""


@dataclass(frozen=True, eq=False)
class TableRows:
    """Rows of a table with what corruptions need to know of its columns (d,).

    features: (n, d) as stored: original values minus `offset`. sd, median: of each column, over the measured
    rows. is_number, is_category: the others are booleans. takes_missing: whether a value may be NaN; otherwise the
    median stands in for a missing one.
    """

    features: Floats
    offset: NDArray[np.float64]
    sd: NDArray[np.float64]
    median: NDArray[np.float64]
    is_number: NDArray[np.bool_]
    is_category: NDArray[np.bool_]
    takes_missing: bool


def noise(rows: TableRows, factor: float, stream: np.random.Generator) -> Floats:
    """x + factor s N(0, 1), s the standard deviation of the column; of numbers."""
    drawn = stream.standard_normal(rows.features.shape, np.float32)
    scale = np.where(rows.is_number, factor * rows.sd, 0).astype(np.float32)
    return rows.features + drawn * scale


def missing_columns(rows: TableRows, share: float, stream: np.random.Generator) -> Floats:
    """The values of this share of the columns are missing."""
    hit = _some_columns(rows, np.ones_like(rows.is_number), share, stream)
    lost = np.nan if rows.takes_missing else rows.median.astype(np.float32)
    return np.where(hit, lost, rows.features).astype(np.float32)


def unseen_levels(rows: TableRows, share: float, stream: np.random.Generator) -> Floats:
    """A share of the categories have a level that no training row had."""
    hit = _some_columns(rows, rows.is_category, share, stream)
    return np.where(hit, np.float32(UNKNOWN_LEVEL), rows.features)


def wrong_units(rows: TableRows, share: float, stream: np.random.Generator) -> Floats:
    """x / 1000: this share of the numbers come in thousands."""
    hit = _some_columns(rows, rows.is_number, share, stream)
    thousands = (rows.features + rows.offset) / THOUSAND - rows.offset
    return np.where(hit, thousands, rows.features).astype(np.float32)


def swapped_columns(rows: TableRows, share: float, stream: np.random.Generator) -> Floats:
    """Pairs of numbers have changed places: two columns of each pair, together this share of the numbers."""
    numbers = np.flatnonzero(rows.is_number)
    pairs = max(1, round(share * len(numbers) / 2))
    order = numbers[np.argsort(stream.random((len(rows.features), len(numbers))), axis=1)]
    found, places = rows.features.copy(), np.arange(len(rows.features))[:, None]
    a, b = order[:, : 2 * pairs : 2], order[:, 1 : 2 * pairs : 2]
    original = rows.features + rows.offset
    found[places, a] = original[places, b] - rows.offset[a]
    found[places, b] = original[places, a] - rows.offset[b]
    return found


NOISE: Corruption[TableRows] = Corruption("noise", (0.1, 0.25, 0.5, 1, 2), noise)
MISSING_COLUMNS: Corruption[TableRows] = Corruption("missing_columns", SHARES, missing_columns)
UNSEEN_LEVELS: Corruption[TableRows] = Corruption("unseen_levels", SHARES, unseen_levels)
WRONG_UNITS: Corruption[TableRows] = Corruption("wrong_units", SHARES, wrong_units)
SWAPPED_COLUMNS: Corruption[TableRows] = Corruption("swapped_columns", SHARES, swapped_columns)
TABLE_CORRUPTIONS = (NOISE, MISSING_COLUMNS, UNSEEN_LEVELS, WRONG_UNITS, SWAPPED_COLUMNS)


def fits(corruption: Corruption[TableRows], numbers: int, categories: int) -> bool:
    """Whether a table with so many columns of each kind has what a corruption changes."""
    needed = {
        "noise": numbers,
        "wrong_units": numbers,
        "swapped_columns": numbers - 1,
        "unseen_levels": categories,
    }
    return needed.get(corruption.name, 1) > 0


def _some_columns(
    rows: TableRows, eligible: NDArray[np.bool_], share: float, stream: np.random.Generator
) -> NDArray[np.bool_]:
    """Which values (n, d) are hit: of each row, a share of the eligible columns, at least one."""
    columns = np.flatnonzero(eligible)
    count = min(len(columns), math.ceil(share * len(columns)))
    ranks = np.argsort(np.argsort(stream.random((len(rows.features), len(columns))), axis=1), axis=1)
    hit = np.zeros(rows.features.shape, np.bool_)
    hit[:, columns] = ranks < count
    return hit
