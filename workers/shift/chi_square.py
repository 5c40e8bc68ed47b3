"""The chi-square test of homogeneity of two rows of counts, exact by permutation where counts are small."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers
from workers.shift.detection import ALPHA, POWER, Floats

LEAST_EXPECTED = 5.0
"""With fewer expected rows in a cell, the limit distribution is not to be trusted (Cochran 1954)."""
PERMUTATIONS = 999


def homogeneity(
    reference: Integers, batch: Integers, stream: np.random.Generator
) -> tuple[float, float, int]:
    """The statistic, its p-value, and the cells (k,) that either row of counts has; the others are dropped.

    If a cell expects fewer than 5 rows, the p-value is (1 + #) / (R + 1) over R draws of the batch's counts with the
    same margins.

    Source: Pearson 1900. Oracle: scipy.stats.chi2_contingency(correction=False).
    """
    from scipy.special import chdtrc

    seen = reference + batch > 0
    pooled, drawn = (reference + batch)[seen], batch[seen]
    cells, n, total = int(seen.sum()), int(batch.sum()), int(pooled.sum())
    if cells < 2:
        return 0.0, 1.0, cells
    statistic = float(_statistics(drawn[None], pooled, n)[0])
    if pooled.min() * min(n, total - n) / total >= LEAST_EXPECTED:
        return statistic, float(chdtrc(cells - 1, statistic)), cells
    draws = stream.multivariate_hypergeometric(pooled, n, size=PERMUTATIONS, method="marginals")
    beyond = int((_statistics(draws, pooled, n) >= statistic * (1 - 1e-12)).sum())
    return statistic, (1 + beyond) / (PERMUTATIONS + 1), cells


def _statistics(batches: NDArray[Any], pooled: Integers, n: int) -> Floats:
    """sum (count - expected)^2 / expected over both rows, for R draws (R, k) from pooled counts (k,)."""
    total = int(pooled.sum())
    expected = pooled * (n / total)
    squares: Floats = ((batches - expected) ** 2 / expected).sum(axis=1)
    return squares * (total / (total - n))


def smallest_share(reference: Integers, n: int, cells: int, comparisons: int = 1) -> float | None:
    """The share of a batch of n rows that, if all of it went to the most frequent cell, the test finds in 80 %.

    Going elsewhere is seen sooner: there the same rows are a larger part of what is expected. The statistic has a
    non-central chi-square distribution with noncentrality mn / (m + n) sum_k (p_k - q_k)^2 / pooled p_k.
    """
    if cells < 2:
        return None
    m = int(reference.sum())
    shares = reference / m
    noncentrality = _noncentrality(cells - 1, ALPHA / comparisons)
    moved = -shares
    moved[int(shares.argmax())] += 1
    for share in np.linspace(0.001, 1, 1000).tolist():
        pooled = shares + share * moved * (n / (m + n))
        squares = np.divide((share * moved) ** 2, pooled, out=np.zeros_like(pooled), where=pooled > 0).sum()
        if m * n / (m + n) * squares >= noncentrality:
            return float(share)
    return None


def _noncentrality(degrees: int, alpha: float) -> float:
    """With this noncentrality, chi-square exceeds its critical value in 80 %."""
    from scipy.special import chdtri, chndtr

    critical = float(chdtri(degrees, alpha))
    low, high = 0.0, 10.0 * (critical + degrees + 10)
    while high - low > 1e-6 * high:
        middle = math.fsum((low, high)) / 2
        low, high = (middle, high) if 1 - chndtr(critical, degrees, middle) < POWER else (low, middle)
    return high
