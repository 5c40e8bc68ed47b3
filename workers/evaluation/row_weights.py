"""Weights of rows in the draws of a Bayesian bootstrap (Rubin 1981), stratified by class or bin.

Within a class of m rows a draw varies too little: its variance is (m - 1) / (m + 1) of what new rows have, and 0 for
a single row. So classes with few rows are drawn too, among each other, with weights of the variance 2 / (m + 1). That
adds what is missing, and 2 / (m + 1) of what the classes differ by: it errs on the safe side, as collapsed strata do
(Cochran 1977, Sampling techniques, section 5A.12).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers

Floats = NDArray[np.float64]

BLOCK_CELLS = 1_000_000
"""Weights drawn at a time: bounds memory."""
SUMMED_CELLS = 250_000
"""Weights summed at a time: their places take as much memory, and stay in the processor's cache."""


FEW_ROWS = 10
"""Classes with fewer rows are drawn. With ten, the standard deviation of a draw is .9 of what it should be."""


def class_weights(generator: np.random.Generator, support: NDArray[Any], draws: int) -> Floats | None:
    """Weights (R, K) of the classes in draws, for the rows of each (K,); None if none are drawn.

    Classes with few rows share what they had together: a single one has nothing to be exchanged with.
    """
    few = (support > 0) & (support < FEW_ROWS)
    if few.sum() < 2:
        return None
    weights = np.ones((draws, len(support)))
    drawn = (
        generator.standard_gamma((support[few] + 1) / 2, size=(draws, int(few.sum())))
        * 2
        / (support[few] + 1)
    )
    weights[:, few] = drawn * (few.sum() / drawn.sum(axis=1, keepdims=True))
    return weights


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
        if bin_counts is not None and (of_classes := class_weights(generator, support, n)) is not None:
            frequencies *= of_classes
        totals = sums_by_class(weights, bins, count)
        scale = np.divide(frequencies, totals, out=np.zeros_like(totals), where=totals > 0)
        yield weights * scale[:, bins]
