"""The preprocessing of a stored model, as named arrays."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from workers.data.columns import Column
from workers.data.preprocessing.encoder import Encoder
from workers.data.preprocessing.layout import Layout
from workers.data.scaling import Scaler
from workers.nn.arrays import Array

PREFIX = "preprocessing."
COLUMNS = "data.columns"
"""The UTF-8 bytes of a JSON list of columns, each with its name, kind and levels."""


def scaler_arrays(scaler: Scaler) -> dict[str, Array]:
    """The arrays of a fitted scaler or encoder by name; `stored_scaler` is the inverse."""
    arrays: dict[str, Array] = {"scaling.offset": scaler.offset, "scaling.factor": scaler.factor}
    if isinstance(scaler, Encoder):
        arrays |= {PREFIX + name: array for name, array in scaler.layout.arrays().items()}
    return arrays


def stored_scaler(arrays: Mapping[str, Array]) -> Scaler:
    """The scaler or encoder of a stored model. Raises what `arrays` raises for a name that is missing."""
    offset, factor = arrays["scaling.offset"], arrays["scaling.factor"]
    layout = {name.removeprefix(PREFIX): a for name, a in arrays.items() if name.startswith(PREFIX)}
    return Encoder(offset, factor, Layout.from_arrays(layout)) if layout else Scaler(offset, factor)


def column_arrays(columns: Sequence[Column] | None) -> dict[str, Array]:
    """The columns of a table as an array of bytes; nothing without columns. `stored_columns` is the inverse."""
    if columns is None:
        return {}
    text = json.dumps([column.to_json() for column in columns], ensure_ascii=False)
    return {COLUMNS: np.frombuffer(text.encode(), np.uint8)}


def stored_columns(arrays: Mapping[str, Array]) -> tuple[Column, ...] | None:
    """The columns of a stored model; None if its data set had no names."""
    if COLUMNS not in arrays:
        return None
    return tuple(map(Column.from_json, json.loads(arrays[COLUMNS].tobytes())))
