"""What SMOTE needs for a table: distances between rows with categories, and what the neighbours of a row agree on.

SMOTE-NC, Chawla et al. 2002.
"""

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Features, Indices
from workers.data.preprocessing import Encoder
from workers.nn.arrays import Array

Templates = NDArray[np.float32]


def comparable_rows(stored: Features, encoder: Encoder) -> Array:
    """Rows (n, d) as points whose squared distances are those of SMOTE-NC.

    Numbers as they are scaled, and for each category in which two rows differ the square of the median of the
    standard deviations of the numbers, over these rows. A missing category is a level of its own. Without numbers
    it is the number of categories that differ.
    """
    nominal = encoder.nominal
    numbers = encoder.in_double(stored)[:, encoder.layout.starts[~nominal]]
    unit = float(np.median(numbers.std(axis=0))) if numbers.shape[1] else 1.0
    levels = [_one_hot(stored[:, column]) * (unit / np.sqrt(2)) for column in np.flatnonzero(nominal)]
    return np.column_stack([numbers, *levels])


def templates_of(stored: Features, nearest: Indices, nominal: NDArray[np.bool_]) -> Templates:
    """What a new example near each row of a class has besides its interpolated numbers, (n, d).

    A category is the one that most of the `nearest` (n, k) neighbours have, of several the smallest code, with NaN
    for a missing one. A number is NaN if most neighbours lack it, else 0.
    """
    agreed = np.zeros(stored.shape, np.float32)
    for column in range(stored.shape[1]):
        values = stored[:, column].astype(np.float32)
        coded = values if nominal[column] else np.where(np.isnan(values), np.nan, 0).astype(np.float32)
        levels, codes = np.unique(coded, return_inverse=True)  # NaN is one level, the last
        of_neighbours = codes.reshape(-1)[nearest]
        ordered = np.sort(of_neighbours, axis=1)
        agreed[:, column] = levels[_most_frequent(ordered)]
    return agreed


def _most_frequent(ordered: Indices) -> Indices:
    """The most frequent value of each row of `ordered` (n, k), the smallest of several."""
    counts = (ordered[:, :, None] == ordered[:, None, :]).sum(axis=2)
    found: Indices = ordered[np.arange(len(ordered)), counts.argmax(axis=1)]
    return found


def _one_hot(values: NDArray[np.generic]) -> NDArray[np.float64]:
    levels, codes = np.unique(values, return_inverse=True)
    one_hot = np.zeros((len(values), len(levels)))
    one_hot[np.arange(len(values)), codes.reshape(-1)] = 1
    return one_hot
