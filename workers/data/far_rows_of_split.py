"""Looks, before any training, for rows of a split that a scaling puts far outside of its training part."""

from dataclasses import dataclass, replace

import numpy as np

from workers.data.dataset import Dataset, Indices
from workers.data.far_rows import UNITS, FarRows, FarRowsCounter
from workers.data.scaling import Scaler, Scaling
from workers.data.split_rows import SplitRows

CELLS = 8_000_000
"""Features times rows that are read of a part, at most: bounds time and memory."""
CHUNK_CELLS = 2**18


@dataclass(frozen=True)
class FarRowsOfSplit:
    """The far rows of a part, of how many that were read; of a large part, some rows stand for all."""

    part: str
    found: FarRows
    read: int
    part_rows: int


def far_rows_of_split(dataset: Dataset, rows: SplitRows, scaling: Scaling) -> FarRowsOfSplit | None:
    """The far rows of the part that the figures are of; None if there are none, or the scaling does not say."""
    if scaling.name not in UNITS:
        return None
    part, measured = (
        ("evaluation", rows.evaluation) if len(rows.evaluation) else ("validation", rows.validation)
    )
    scaler = _of_numbers(scaling.fit(dataset.take(_some(rows.train, dataset))), dataset)
    counter, read = FarRowsCounter(scaler), _some(measured, dataset)
    step = max(1, CHUNK_CELLS // dataset.features.shape[1])
    for start in range(0, len(read), step):
        features = np.nan_to_num(dataset.features[read[start : start + step]].astype(np.float32))
        # NumPy's arithmetic: the compiled kernels take seconds to load, and this runs while a client waits.
        counter.count((features - scaler.offset) * scaler.factor)
    found = counter.found(scaling, dataset.columns)
    return FarRowsOfSplit(part, found, len(read), len(measured)) if found else None


def _some(rows: Indices, dataset: Dataset) -> Indices:
    """All rows, or as many as CELLS allows, evenly spaced."""
    most = max(1, CELLS // dataset.features.shape[1])
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)]


def _of_numbers(scaler: Scaler, dataset: Dataset) -> Scaler:
    """The scaler without the columns that hold no numbers, such as codes of categories."""
    if dataset.columns is None:
        return scaler
    is_number = np.array([column.kind == "number" for column in dataset.columns])
    return replace(scaler, factor=np.where(is_number, scaler.factor, np.float32(0)))
