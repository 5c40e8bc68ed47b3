"""Rows of a request in the form that a model stores them in, checked cell by cell."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workers.predictor import Predictor
from workers.table_rows import Cell, StoredRows, store_rows
from workers.validation.errors import FieldError, InvalidSpec

GivenRows = Sequence[Sequence[Cell] | Mapping[str, Cell]]


def rows_for(predictor: Predictor, rows: GivenRows) -> StoredRows:
    """The rows as numbers. Raises InvalidSpec with every cell that the columns of the model do not take."""
    if predictor.columns is None:
        return _unnamed(rows, predictor.features)
    found = store_rows(rows, predictor.columns)
    if not found.errors and not predictor.takes_missing:
        message = "is missing, and no training row lacked a value: the model cannot replace it"
        found.errors += [
            FieldError(f"rows[{row}]", None, f"'{predictor.columns[column].name}' {message}")
            for row, column in np.argwhere(np.isnan(found.values)).tolist()
        ]
    if found.errors:
        raise InvalidSpec(found.errors)
    return found


def _unnamed(rows: Sequence[Any], features: int) -> StoredRows:
    """Rows of a data set whose features have no names: lists of numbers. Raises InvalidSpec with the first other."""
    for index, row in enumerate(rows):
        path = f"rows[{index}]"
        if isinstance(row, dict):
            message = (
                "is an object; the features of the data set have no names, so a row is a list of numbers"
            )
            raise InvalidSpec([FieldError(path, row, message)])
        for place, value in enumerate(row):
            if value is None or isinstance(value, (str, bool)):
                raise InvalidSpec([FieldError(f"{path}[{place}]", value, "should be a number")])
        if len(row) != features:
            message = f"has {len(row)} numbers; the data set has {features} features"
            raise InvalidSpec([FieldError(path, row, message)])
    return StoredRows(np.array(rows, np.float64))
