"""Divides open rows by a column instead of by chance: by time, by group, or by a value, as shift in practice does."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, Tag

from workers.data.columns import Column
from workers.data.dataset import Dataset, Indices
from workers.data.errors import ColumnDoesNotDivide
from workers.randomness import generator
from workers.tagged_union import Seed, variant

ColumnName = Annotated[str, Field(strict=True, min_length=1, max_length=1000)]
Value = Annotated[str, Field(strict=True, max_length=1000)] | Annotated[float, Field(strict=True)]
Values = NDArray[np.float64]


@variant
class ByTime:
    """Trains on the past: rows in the order of a column, the latest validate. Rows of one time stay together.

    When: if the model will predict what comes later.
    """

    name: Literal["time"]
    column: ColumnName

    def validating(self, values: Values, share: float, _column: Column, _seed: Seed) -> NDArray[np.bool_]:
        """Which of the rows with these values (n,) validate, of a share of them."""
        ordered = np.sort(values)
        wanted = len(values) - max(1, round(share * len(values)))
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))[1:]
        if not len(starts):
            return np.zeros(len(values), np.bool_)
        first = ordered[starts[np.argmin(np.abs(starts - wanted))]]
        later: NDArray[np.bool_] = values >= first
        return later


@variant
class ByGroup:
    """Keeps the rows of a group, which have one value of a column, in one part; groups are drawn by the seed.

    When: if rows come in groups, such as several of one patient, and the model will meet new groups.
    """

    name: Literal["group"]
    column: ColumnName

    def validating(self, values: Values, share: float, _column: Column, seed: Seed) -> NDArray[np.bool_]:
        """Which of the rows with these values (n,) validate: groups whose rows are nearest to a share of all."""
        groups, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
        order = generator(seed, "split").permutation(len(groups))
        filled = np.cumsum(sizes[order])
        count = int(np.argmin(np.abs(filled - share * len(values)))) + 1
        chosen = np.zeros(len(groups), np.bool_)
        chosen[order[: min(count, len(groups) - 1)]] = True
        return chosen[group.reshape(-1)]


@variant
class ByValue:
    """Validates on the rows with one of these values of a column, and trains on all others, missing ones too.

    When: if the model will be used where none of its rows come from, such as another hospital.
    """

    name: Literal["value"]
    column: ColumnName
    values: Annotated[tuple[Value, ...], Field(min_length=1, max_length=1000)]

    def validating(self, values: Values, _share: float, column: Column, _seed: Seed) -> NDArray[np.bool_]:
        """Which of the rows with these values (n,) validate; the share of the split has no effect."""
        wanted = [_number_of(value, column) for value in self.values]
        found: NDArray[np.bool_] = np.isin(values, wanted)
        return found


AnyOrder = Annotated[
    Annotated[ByTime, Tag("time")] | Annotated[ByGroup, Tag("group")] | Annotated[ByValue, Tag("value")],
    Field(discriminator="name"),
]
"""The name has no default: a column is needed beside it, so that a bare name says too little."""


def divide_by_column(
    dataset: Dataset, rows: Indices, order: ByTime | ByGroup | ByValue, share: float, seed: int
) -> tuple[Indices, Indices]:
    """The rows that train and those that validate, ascending. share: of the rows, those that validate.

    Raises ColumnDoesNotDivide.
    """
    index, column = _column(dataset, order.column)
    stored = dataset.features[rows, index].astype(np.float64)
    values = stored if dataset.offset is None else stored + dataset.offset[index]
    missing = int(np.isnan(values).sum())
    if missing and not isinstance(order, ByValue):
        raise ColumnDoesNotDivide(order.column, f"has no value in {missing:,} rows")
    if isinstance(order, ByTime) and column.kind == "category":
        raise ColumnDoesNotDivide(order.column, "is a category, and these have no order in time")
    validates = order.validating(values, share, column, seed)
    if validates.all() or not validates.any():
        raise ColumnDoesNotDivide(order.column, "puts all rows into one part")
    return rows[~validates], rows[validates]


def _column(dataset: Dataset, name: str) -> tuple[int, Column]:
    columns = dataset.columns or tuple(Column(str(index)) for index in range(dataset.features.shape[1]))
    for index, column in enumerate(columns):
        if column.name == name:
            return index, column
    known = ", ".join(f"'{each.name}'" for each in columns[:10])
    raise ColumnDoesNotDivide(name, f"is no column of '{dataset.name}'; there are {known}")


def _number_of(value: str | float, column: Column) -> float:
    """How a data set stores a value of a column. Raises ColumnDoesNotDivide."""
    if column.levels is not None:
        if str(value) in column.levels:
            return float(column.levels.index(str(value)))
        known = ", ".join(f"'{each}'" for each in column.levels[:10])
        raise ColumnDoesNotDivide(column.name, f"has no value '{value}'; there are {known}")
    if isinstance(value, str):
        raise ColumnDoesNotDivide(column.name, f"has numbers, and '{value}' is none")
    return float(value)
