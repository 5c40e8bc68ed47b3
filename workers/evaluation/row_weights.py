"""Weights of rows in the draws of a Bayesian bootstrap (Rubin 1981), stratified by class or bin."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers

Floats = NDArray[np.float64]

BLOCK_CELLS = 1_000_000
"""Weights drawn at a time: bounds memory."""


FEW_ROWS = 64
"""So many are added one by one: that is as fast, and a process that needs no more than that does not load SciPy."""


def sums_by_class(weights: Floats, classes: Integers, count: int) -> Floats:
    """Sums (R, count) of weights (R, N) over the rows of each class. classes: (N,), in [0, count).

    Rows are added in their order, few or many, so the sums have the same bits.
    """
    if len(classes) > FEW_ROWS:
        return np.asarray(weights @ one_hot_of(classes, count))
    sums = np.zeros((len(weights), count))
    for row, of_class in enumerate(classes):
        sums[:, of_class] += weights[:, row]
    return sums


def one_hot_of(classes: Integers, count: int) -> Any:
    """A sparse matrix (N, count) with a one at the class of each row: weights (R, N) times it are sums by class."""
    from scipy.sparse import csr_array

    rows = len(classes)
    return csr_array((np.ones(rows), classes, np.arange(rows + 1)), shape=(rows, count))


def row_weights(
    generator: np.random.Generator,
    bins: Integers,
    count: int,
    bin_counts: Integers | None,
    resamples: int,
) -> Iterator[Floats]:
    """Weights (R, N) of the rows, block by block: exponential, and scaled to drawn frequencies of the bins.

    bins: (N,), in [0, count). bin_counts: rows of each bin (count,) in the sample that tells how frequent the bins
    are; by default these rows themselves.
    """
    support = np.bincount(bins, minlength=count).astype(np.float64)
    counts = support if bin_counts is None else bin_counts * (support > 0)
    block = max(1, BLOCK_CELLS // len(bins))
    one_hot = one_hot_of(bins, count)
    for start in range(0, resamples, block):
        n = min(block, resamples - start)
        weights = generator.standard_exponential((n, len(bins)))
        frequencies = generator.standard_gamma(counts, size=(n, count))
        totals = np.asarray(weights @ one_hot)
        scale = np.divide(frequencies, totals, out=np.zeros_like(totals), where=totals > 0)
        yield weights * scale[:, bins]
