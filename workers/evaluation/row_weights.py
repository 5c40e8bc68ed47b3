"""Weights of rows in the draws of a Bayesian bootstrap (Rubin 1981), stratified by class or bin."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers

Floats = NDArray[np.float64]

BLOCK_CELLS = 1_000_000
"""Weights drawn at a time: bounds memory."""
SUMMED_CELLS = 250_000
"""Weights summed at a time: their places take as much memory, and stay in the processor's cache."""


def sums_by_class(weights: Floats, classes: Integers, count: int) -> Floats:
    """Sums (R, count) of weights (R, N) over the rows of each class. classes: (N,), in [0, count).

    As fast as the product with a sparse matrix of ones, with the same bits, and without SciPy, which takes 17 MB.
    """
    draws, rows = weights.shape
    block = max(1, SUMMED_CELLS // max(rows, count))
    places = (count * np.arange(min(block, draws)))[:, None] + classes
    sums = np.empty((draws, count))
    for start in range(0, draws, block):
        some = weights[start : start + block]
        found = np.bincount(places[: len(some)].ravel(), some.ravel(), count * len(some))
        sums[start : start + block] = found.reshape(-1, count)
    return sums


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
    for start in range(0, resamples, block):
        n = min(block, resamples - start)
        weights = generator.standard_exponential((n, len(bins)))
        frequencies = generator.standard_gamma(counts, size=(n, count))
        totals = sums_by_class(weights, bins, count)
        scale = np.divide(frequencies, totals, out=np.zeros_like(totals), where=totals > 0)
        yield weights * scale[:, bins]
