"""The classifier two-sample test: whether a linear discriminant tells rows of a batch from validation rows."""

from collections.abc import Iterator

import numpy as np

from workers.nn.arrays import Array
from workers.shift.detection import ALPHA, Z_POWER, Detection, Floats, smallest_on_grid
from workers.shift.kernel_sample import permutation_p_value

PERMUTATIONS = 999
AT_ONCE = 100
"""Permutations that are in memory together."""
RIDGE = 1.0
"""Added to the variance of each standardised unit: without it, many units hide a small shift of some."""
FARTHEST = 10.0
"""Units are taken as at most so many standard deviations from their mean: one huge number would hide all others."""
FEWEST = 2
SHARES = np.linspace(0.005, 1, 200)


def compare_by_classifier(reference: Array, batch: Array, stream: np.random.Generator) -> Detection:
    """Fisher's discriminant of hidden units (m, H) and (n, H): the squared distance of the means along it.

    T = m n / (m + n) d' (S + ridge I)^-1 d, with d the difference of the means and S the covariance of the units of
    all rows, standardised: without the ridge, Hotelling's statistic but for a monotone function. The p-value,
    (1 + #) / (R + 1) over permutations of the memberships, is exact for any number of rows and units.

    Sources: Kim, Ramdas, Singh & Wasserman 2021, Classification accuracy as a proxy for two-sample testing;
    Harchaoui, Bach & Moulines 2008, Testing for homogeneity with kernel Fisher discriminant analysis.
    """
    m, n = len(reference), len(batch)
    if min(m, n) < FEWEST:
        return Detection("classifier", 0.0, 1.0, 1, m, n, None)
    units = standardised(np.concatenate([reference, batch]))
    varying = int(np.count_nonzero(units.any(axis=0)))
    whitened = _whitened(units)
    distances = np.concatenate([squared_distances(whitened, each) for each in _memberships(m, n, stream)])
    p_value = permutation_p_value(distances)
    share = _share(distances[1:], m, n, varying)
    return Detection("classifier", float(distances[0]), p_value, 1, m, n, share)


def standardised(units: Array) -> Array:
    """Units (N, H) with the mean 0 and the variance 1, those without a variance as 0, and none beyond FARTHEST."""
    units = np.nan_to_num(units.astype(np.float64), nan=0.0, posinf=1e30, neginf=-1e30)
    units -= units.mean(axis=0)
    scale = units.std(axis=0)
    units *= np.divide(1, scale, out=np.zeros_like(scale), where=scale > 1e-12)
    np.clip(units, -FARTHEST, FARTHEST, out=units)
    return np.asarray(units - units.mean(axis=0), np.float32)


def _whitened(units: Array) -> Array:
    """Units (N, H) times (S + ridge I)^-1/2."""
    covariance = (units.T @ units).astype(np.float64) / len(units)
    variances, axes = np.linalg.eigh(covariance)
    whitened: Array = units @ (axes / np.sqrt(np.maximum(variances, 0) + RIDGE)).astype(np.float32)
    return whitened


def squared_distances(whitened: Array, is_batch: Array) -> Floats:
    """m n / (m + n) times the squared distance (R,) of the means of (N, H), for memberships (R, N) of 0 and 1.

    Oracle: N y.f / y.y for the centred membership y that sklearn.linear_model.Ridge(alpha=N ridge) fits by f.
    """
    total, n = len(whitened), float(is_batch[0].sum())
    sums = (is_batch @ whitened).astype(np.float64)  # all rows together sum to 0
    distances: Floats = np.einsum("rh,rh->r", sums, sums) * total / (n * (total - n))
    return distances


def _memberships(m: int, n: int, stream: np.random.Generator) -> Iterator[Array]:
    """The memberships (some, m + n) of all R + 1: those observed, then in R random orders."""
    observed = (np.arange(m + n) >= m).astype(np.float32)[None]
    yield observed
    for start in range(0, PERMUTATIONS, AT_ONCE):
        drawn = np.repeat(observed, min(AT_ONCE, PERMUTATIONS - start), axis=0)
        yield stream.permuted(drawn, axis=1, out=drawn)


def _share(permuted: Floats, m: int, n: int, units: int) -> float | None:
    """The share s of a batch that, if it came from far away in all units, is found in 80 %.

    It adds m s / (1 - s n / N) to T, but for the ridge. So many rows far away would have the variance 1 in each unit,
    or less where FARTHEST bounds them. Both deviations are taken together, to be on the safe side.
    """
    foreign = SHARES * n / (m + n)
    variance = units * np.minimum(1, FARTHEST**2 * foreign * (1 - foreign))
    slope = m / (1 - foreign) * variance / (variance + RIDGE)
    spread = permuted.std() + slope * np.sqrt(SHARES * (1 - SHARES) / n)
    reached = permuted.mean() + slope * SHARES - Z_POWER * spread > np.quantile(permuted, 1 - ALPHA)
    return smallest_on_grid(reached, SHARES)
