"""The cells of some rows of a data set, as values of JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Dataset, Indices

MOST_COLUMNS = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SINGLE, DOUBLE = 7, 13
"""Significant digits of stored numbers; of those with an offset, which need double precision."""
Cell = float | str | None


def columns_of(dataset: Dataset) -> list[Column]:
    """The first columns; those without names are called by their places, as in a CSV to predict."""
    width = min(dataset.features.shape[1], MOST_COLUMNS)
    return list(dataset.columns[:width] if dataset.columns else (Column(str(i)) for i in range(width)))


def cells_of(dataset: Dataset, rows: Indices) -> list[list[Cell]]:
    """The cells of these rows, in the first columns: numbers, texts of levels, dates as ISO 8601; None if missing."""
    columns = columns_of(dataset)
    values = dataset.features[rows][:, : len(columns)].astype(np.float64)
    if dataset.offset is not None:
        values += dataset.offset[: len(columns)]
    digits = SINGLE if dataset.offset is None else DOUBLE
    return [
        [_cell(column, value, digits) for column, value in zip(columns, row, strict=True)]
        for row in values.tolist()
    ]


def answers_of(dataset: Dataset, rows: Indices) -> list[Any]:
    """The class, or the number to predict, of each of these rows."""
    if dataset.targets is not None:
        return [float(each) for each in dataset.targets[rows]]
    return [dataset.classes[label] for label in dataset.labels[rows].tolist()]


def _cell(column: Column, value: float, digits: int) -> Cell:
    if np.isnan(value):
        return None
    if column.levels is not None:
        return column.levels[int(value)]
    if column.kind == "date":
        moment = (EPOCH + timedelta(days=value)).replace(tzinfo=None)
        return moment.date().isoformat() if value == int(value) else moment.isoformat(timespec="seconds")
    return float(f"{value:.{digits}g}")
