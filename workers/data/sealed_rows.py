"""The sealed rows of a data set: those that a test part of a given share holds back.

They are the first rows of each class in the order of their digests. How many of each class follows from one order of
the classes' seats (Sainte-Lague), so that a larger share only adds rows: the test parts of all shares are nested. The
seed of a split, its other ratios, and the order and the name of the file move none of them.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Indices, Labels
from workers.data.row_digests import Digests, first_rows
from workers.nn.arrays import Integers

RESERVED = 2
"""Rows of each class that come last, in its order: one trains, one validates."""


@dataclass(frozen=True, eq=False)
class Seal:
    """The rows of a data set, divided into sealed and open ones; ascending indices.

    test: the sealed rows of the test part. open: the rows that may train and validate. If the data set is thinned,
    neither has the sealed rows that the test part lacks: thinning opens no sealed row.
    """

    test: Indices
    open: Indices


def seal(
    labels: Labels, digests: Digests, classes: int, share: Fraction, thinned: Integers | None = None
) -> Seal:
    """Seal `share` of the rows with these labels (n,) and digests (n,); whatever divides the rest comes afterwards.

    thinned: rows of each class (K,) after a deliberate imbalance, None without one. The test part is then as small
    as if the data set had only these rows.
    """
    counts = np.bincount(labels, minlength=classes)
    wanted = sealed_counts(counts, share)
    sealed = first_rows(digests, labels, wanted, np.maximum(wanted, counts - RESERVED))
    rest = np.delete(np.arange(len(labels)), sealed)
    if thinned is None:
        return Seal(sealed, rest)
    wanted = np.minimum(wanted, sealed_counts(thinned, share))
    return Seal(first_rows(digests, labels, wanted, np.maximum(wanted, thinned - RESERVED)), rest)


def sealed_size(rows: int, share: Fraction) -> int:
    """The share of a number of rows, rounded; halves are rounded up."""
    return int(rows * share + Fraction(1, 2))


def sealed_counts(counts: Integers, share: Fraction) -> NDArray[np.int64]:
    """How many rows of each class are sealed, shape (K,), of classes with `counts` (K,) rows.

    Every class gets its first seat before any gets a second; the j-th one of a class with n rows comes at
    (2j - 1) / n, among equals the one of the earlier class first. The last seats of each class come after all others.
    """
    classes = np.repeat(np.arange(len(counts)), counts)
    numbers = np.arange(len(classes)) - np.repeat(np.cumsum(counts) - counts, counts)
    rounds = np.where(numbers >= counts[classes] - RESERVED, 2, numbers > 0)
    order = np.lexsort((classes, (2 * numbers + 1) / counts[classes], rounds))
    first = classes[order][: sealed_size(int(counts.sum()), share)]
    return np.bincount(first, minlength=len(counts))
