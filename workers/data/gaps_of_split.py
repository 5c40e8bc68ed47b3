"""What a preprocessing has to fill in or does not know, before any training: gaps of the columns of a split."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.data.dataset import Dataset, Indices
from workers.data.split_rows import SplitRows

MOST_COLUMNS = 1000
NAMED_LEVELS = 5


@dataclass(frozen=True)
class ColumnGaps:
    """A column of a table. missing_in_training, missing: the rows of training, and of the measured part, without one.

    unknown: the rows of the measured part with a level that no training row has; levels: the most frequent of those.
    """

    column: str
    missing_in_training: int
    missing: int
    unknown: int
    levels: tuple[str, ...]


def gaps_of_split(dataset: Dataset, rows: SplitRows) -> tuple[ColumnGaps, ...]:
    """The columns that have any, of the first `MOST_COLUMNS`. Measured is what the figures are of."""
    measured = rows.evaluation if len(rows.evaluation) else rows.validation
    return tuple(_found(dataset, rows.train, measured))


def _found(dataset: Dataset, train: Indices, measured: Indices) -> Iterator[ColumnGaps]:
    for index, column in enumerate(islice(dataset.columns or (), MOST_COLUMNS)):
        training, values = (dataset.features[part, index].astype(np.float32) for part in (train, measured))
        absent, missing = int(np.isnan(training).sum()), int(np.isnan(values).sum())
        codes, counts = _unknown(column, training, values)
        if absent or missing or len(codes):
            order = np.argsort(-counts, kind="stable")[:NAMED_LEVELS]
            levels = tuple((column.levels or ())[code] for code in codes[order])
            yield ColumnGaps(column.name, absent, missing, int(counts.sum()), levels)


def _unknown(
    column: Column, training: NDArray[np.float32], values: NDArray[np.float32]
) -> tuple[Indices, Indices]:
    """The codes of a category that training has not, and the rows of each."""
    if column.kind != "category":
        return np.empty(0, np.int64), np.empty(0, np.int64)
    known = np.unique(training[~np.isnan(training)])
    strange = values[~np.isnan(values) & ~np.isin(values, known)].astype(np.int64)
    return np.unique(strange, return_counts=True)
