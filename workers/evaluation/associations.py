"""How strongly columns are associated, from 0 to 1, whatever their kinds.

Two numbers: Spearman's rank correlation, without its sign. A category and a number: the square root of epsilon
squared, the share of the variance of the ranks that the levels explain, corrected for their number (Kelley 1935). Two
categories: Cramer's V, corrected for bias (Bergsma 2013). Without the corrections, categories with many levels would
be associated with everything. Oracle: scipy.stats.spearmanr, and statistics of independent columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Array, Integers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Association:
    """Two columns, by index, the first one the smaller, and how strongly they are associated."""

    first: int
    second: int
    strength: float


def associated_pairs(
    features: Array | Integers, is_category: Sequence[bool], least: float
) -> list[Association]:
    """The pairs of columns of features (n, d) that are associated by at least `least`, the strongest first.

    Cells of categories are codes; NaN is a level of its own there, and the mean rank among numbers.
    """
    rows, width = features.shape
    if rows < 3 or width < 2:
        return []
    strengths = np.zeros((width, width))
    numbers = [index for index in range(width) if not is_category[index]]
    categories = [index for index in range(width) if is_category[index]]
    ranks = _standardised_ranks(np.asarray(features[:, numbers], np.float64))
    strengths[np.ix_(numbers, numbers)] = np.abs(ranks.T @ ranks)
    codes = {
        index: np.unique(features[:, index], return_inverse=True, equal_nan=True)[1] for index in categories
    }
    for place, index in enumerate(categories):
        strengths[index, numbers] = strengths[numbers, index] = _explained(codes[index], ranks)
        for other in categories[:place]:
            strengths[index, other] = strengths[other, index] = _cramers_v(codes[index], codes[other])
    pairs = [
        Association(int(first), int(second), min(1.0, float(strengths[first, second])))
        for first, second in np.argwhere(np.triu(strengths >= least, 1))
    ]
    return sorted(pairs, key=lambda pair: (-pair.strength, pair.first, pair.second))


def _standardised_ranks(numbers: Floats) -> Floats:
    """The ranks of each column (n, d), ties at their mean, with a mean of 0 and a sum of squares of 1, or all 0."""
    ranks = np.zeros(numbers.shape)
    for column in range(numbers.shape[1]):
        present = ~np.isnan(numbers[:, column])
        found = _mean_ranks(numbers[present, column])
        if len(found):
            ranks[present, column] = found - found.mean()
    norms = np.linalg.norm(ranks, axis=0)
    standardised: Floats = np.divide(ranks, norms, out=np.zeros_like(ranks), where=norms > 0)
    return standardised


def _mean_ranks(values: Floats) -> Floats:
    """The rank of each value (n,), from 0; equal values have the mean of theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts + 1) / 2)[codes]
    return ranks


def _explained(codes: Integers, ranks: Floats) -> Floats:
    """The square root of epsilon squared of a category for each column of standardised ranks (n, d)."""
    rows, counts = len(codes), np.bincount(codes)
    levels = len(counts)
    if levels < 2 or levels >= rows:
        return np.zeros(ranks.shape[1])
    sums = np.empty((levels, ranks.shape[1]))
    for column in range(ranks.shape[1]):
        sums[:, column] = np.bincount(codes, weights=ranks[:, column])
    eta_squared = (sums**2 / counts[:, None]).sum(axis=0)
    varies = ranks.any(axis=0)
    epsilon_squared = 1 - (1 - eta_squared) * (rows - 1) / (rows - levels)
    explained: Floats = np.where(varies, np.sqrt(np.clip(epsilon_squared, 0, 1)), 0)
    return explained


def _cramers_v(first: Integers, second: Integers) -> float:
    rows, height, width = len(first), int(first.max()) + 1, int(second.max()) + 1
    cells, observed = np.unique(first * width + second, return_counts=True)
    of_first, of_second = np.bincount(first), np.bincount(second)
    expected = of_first[cells // width] * of_second[cells % width] / rows
    phi_squared = float((observed**2 / expected).sum() - rows) / rows
    corrected = max(0.0, phi_squared - (height - 1) * (width - 1) / (rows - 1))
    smaller = min(height - (height - 1) ** 2 / (rows - 1), width - (width - 1) ** 2 / (rows - 1)) - 1
    return float(np.sqrt(corrected / smaller)) if smaller > 0 else 0.0
