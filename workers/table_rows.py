"""Rows of a table as a client writes them, by name or in order, converted to what a data set stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.data.tables.cells import BOOLEANS, CellRules, day_number, level_code
from workers.validation.errors import FieldError

Cell = float | bool | str | None
TRUE_FALSE = {pair[index]: bool(index) for pair in BOOLEANS for index in (0, 1)}
RULES = CellRules()


class MalformedCsv(ValueError):
    """The rows are not valid CSV, or lack columns. The message says what is wrong."""


@dataclass
class StoredRows:
    """Rows (m, d) in the numbers of a data set before its offset is subtracted; NaN where missing, -1 if unknown.

    unknown: how many cells of each column have a level that the data set has not. ignored: names that are no
    column's. errors: one for each cell that cannot be converted.
    """

    values: NDArray[np.float64]
    unknown: dict[str, int] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)


def store_rows(rows: Sequence[Sequence[Cell] | Mapping[str, Cell]], columns: Sequence[Column]) -> StoredRows:
    """Convert rows, each a list in the order of the columns or an object with their names in any order."""
    found = StoredRows(np.full((len(rows), len(columns)), np.nan))
    names = [column.name for column in columns]
    known, ignored = set(names), dict[str, None]()
    for index, row in enumerate(rows):
        path = f"rows[{index}]"
        if isinstance(row, Mapping):
            ignored.update(dict.fromkeys(name for name in row if name not in known))
            absent = [name for name in names if name not in row]
            if absent:
                found.errors.append(FieldError(path, None, _lacks(absent)))
                continue
            cells = [(f"{path}.{name}", row[name]) for name in names]
        elif len(row) != len(columns):
            message = f"has {len(row)} values; the data set has {len(columns)} features"
            found.errors.append(FieldError(path, None, message))
            continue
        else:
            cells = [(f"{path}[{place}]", cell) for place, cell in enumerate(row)]
        for place, (column, (where, cell)) in enumerate(zip(columns, cells, strict=True)):
            _store(found, (index, place), column, where, cell)
    found.ignored = list(ignored)
    return found


def _lacks(names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"lacks {listed}; null stands for a missing value"


def _store(found: StoredRows, at: tuple[int, int], column: Column, where: str, cell: Cell) -> None:
    if cell is None or (
        isinstance(cell, str) and RULES.is_missing(cell) and cell not in (column.levels or ())
    ):
        return
    if column.levels is None:
        number = _measure(column, cell)
        if number is None:
            what = "a date such as 2024-05-31" if column.kind == "date" else "a number"
            found.errors.append(FieldError(where, cell, f"should be {what}, or null for a missing value"))
        else:
            found.values[at] = number
        return
    code = _code(cell, column)
    found.values[at] = -1 if code is None else code
    if code is None and column.kind == "boolean":
        levels = " or ".join(f"'{level}'" for level in column.levels)
        found.errors.append(FieldError(where, cell, f"should be {levels}, or null for a missing value"))
    elif code is None:
        found.unknown[column.name] = found.unknown.get(column.name, 0) + 1


def _measure(column: Column, cell: Cell) -> float | None:
    """A number, or a date as days since 1970-01-01; None if the cell is neither. JSON has numbers: "3" is a text."""
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, str):
        return day_number(cell) if column.kind == "date" else None
    return float(cell)


def _code(cell: Cell, column: Column) -> int | None:
    """The code of a level; true and false are those of a boolean, and a number is its text."""
    levels = column.levels or ()
    if isinstance(cell, str):
        return level_code(cell, levels)
    if isinstance(cell, bool):
        means = (TRUE_FALSE.get(level.casefold()) for level in levels)
        return next((code for code, meant in enumerate(means) if meant is cell), None)
    texts = [str(cell), str(int(cell))] if cell is not None and cell == int(cell) else [str(cell)]
    return next((levels.index(text) for text in texts if text in levels), None)
