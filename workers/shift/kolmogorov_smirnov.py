"""The two-sample test of Kolmogorov and Smirnov, many columns at once, and its power."""

import math

import numpy as np
from numpy.typing import NDArray

from workers.shift.detection import ALPHA, Z_POWER, Floats

BLOCK_CELLS = 2**20


def distances(reference: NDArray[np.number], batch: NDArray[np.number]) -> Floats:
    """The largest distance between the distribution functions of each column: reference (m, d), batch (n, d).

    Oracle: scipy.stats.ks_2samp.
    """
    m, n, d = len(reference), len(batch), reference.shape[1]
    width = max(1, BLOCK_CELLS // (m + n))
    steps = np.where(np.arange(m + n) < m, -1.0 / m, 1.0 / n)
    found = np.empty(d)
    for start in range(0, d, width):
        columns = slice(start, start + width)
        pooled = np.ascontiguousarray(np.concatenate([reference[:, columns], batch[:, columns]]).T)
        order = np.argsort(pooled, axis=1)
        gaps = np.abs(np.cumsum(steps[order], axis=1))
        ordered = np.take_along_axis(pooled, order, axis=1)
        gaps[:, :-1][ordered[:, 1:] == ordered[:, :-1]] = (
            0  # within equal values the functions have no value yet
        )
        gaps[:, -1] = 0
        found[columns] = gaps.max(axis=1)
    return found


def p_values(distance: Floats, m: int, n: int) -> Floats:
    """Of no difference, by the limit distribution, which for few rows is on the safe side.

    Source: Smirnov 1948, Table for estimating the goodness of fit of empirical distributions.
    Oracle: scipy.stats.ks_2samp(method="exact").
    """
    from scipy.special import kolmogorov

    limit: Floats = kolmogorov(math.sqrt(m * n / (m + n)) * distance)
    return limit


def smallest_distance(m: int, n: int, comparisons: int = 1) -> float | None:
    """The distance that the test finds in at least 80 % of batches of these sizes; None if there is none.

    At the point of the largest distance, the difference of two shares has a standard deviation of at most
    sqrt(1/m + 1/n) / 2. A batch with a share s of rows beyond all others has the distance s.
    """
    from scipy.special import kolmogi

    critical = float(kolmogi(ALPHA / comparisons)) * math.sqrt(1 / m + 1 / n)
    distance = critical + Z_POWER * math.sqrt(1 / m + 1 / n) / 2
    return distance if distance <= 1 else None
