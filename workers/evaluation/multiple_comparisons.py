"""Which of many candidates can be told from the best: all pairs at once, by the largest of their differences.

The best candidate is known only from the same results, so its comparison with another one is a comparison of any two.
An interval for a single pair would therefore name winners among equals. The critical value is that of the largest
studentised difference between any two candidates if all are equal (max-t; Tukey's range with unequal errors and
correlated candidates), under draws that all candidates share. So with probability 0.95 no candidate is called worse
than one that it equals.

Over folds, each pair has a standard error of its own, from as few differences as there are folds. Some of many pairs
have a far too small one, so each draw has folds of its own, and studentises with the errors of these. One error for
all pairs of a draw would name a loser among 20 equals in 29 of 100 cross-validations of five folds.
Source: Westfall & Young 1993, Resampling-based multiple testing; Hsu 1996, Multiple comparisons, chapter 5.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.intervals import LEVEL

Floats = NDArray[np.float64]
DRAWS, FEWEST_DRAWS = 1000, 200
MOST_PAIRS = 100_000_000
"""Over folds, of all draws together: a thousand candidates have the fewest draws, and take some seconds."""
TILE_CELLS = 64_000
"""Pairs that are compared at a time: through all draws they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class SharedDraws:
    """The mean of a metric of each candidate in each of R draws, (m, R): as the first of two, and as the second.

    Both are the same where no prior tells them apart (`paired_bootstrap`).
    """

    first: Floats
    second: Floats

    def with_noise(self, noise: Floats) -> "SharedDraws":
        """The same with what varies in each candidate by itself, (m, R)."""
        return SharedDraws(self.first + noise, self.second + noise)


@dataclass(frozen=True, eq=False)
class AgainstBest:
    """Each candidate against the best. best: its index. differences, errors: (m,), the best minus each, in the
    direction of the metric, and its standard error. p_values: (m,), corrected for all pairs; 1 of the best itself.
    critical: what a difference in standard errors has to exceed.
    """

    best: int
    differences: Floats
    errors: Floats
    p_values: Floats
    critical: float
    level: float

    @property
    def top(self) -> NDArray[np.bool_]:
        """Which candidates cannot be told from the best, (m,)."""
        found: NDArray[np.bool_] = self.p_values > 1 - self.level
        return found


def against_best(values: Floats, draws: SharedDraws, *, level: float = LEVEL) -> AgainstBest:
    """Compare candidates with these values (m,), of which a larger one is better, with the best of them."""
    first, second = (each - each.mean(axis=1, keepdims=True) for each in (draws.first, draws.second))
    errors = _errors(first, second)
    return _against_best(values, errors, _largest(first, second, errors), level)


def against_best_over_folds(
    folds: Floats,
    evaluation_share: float,
    generator: np.random.Generator,
    *,
    larger_is_better: bool = True,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> AgainstBest:
    """Compare candidates with values (m, J) on J >= 2 folds of the same cross-validation with the best of them.

    The variance of a difference is that of `differences.between_folds`, (1/J + evaluation_share) s^2 (Nadeau & Bengio
    2003), with s^2 from the J differences of this pair. Divided by its root, a difference of equal normal candidates
    has Student's distribution with J - 1 degrees of freedom, and the largest over all pairs is drawn from candidates
    that are independent and have equal variances: then it is about as large as it can be.
    """
    candidates, count = folds.shape
    residuals = folds - folds.mean(axis=1, keepdims=True)
    scaled = math.sqrt(1 / count + evaluation_share) * residuals
    errors = _errors(scaled, scaled)
    affordable = max(FEWEST_DRAWS, MOST_PAIRS // candidates**2)
    largest = _largest_between_folds(candidates, count, generator, min(draws, affordable))
    values = folds.mean(axis=1)
    return _against_best(values if larger_is_better else -values, errors, largest, level)


def _against_best(values: Floats, errors: Floats, largest: Floats, level: float) -> AgainstBest:
    """errors: of the difference of any two, (m, m). largest: studentised difference in each draw, (R,)."""
    best = int(np.argmax(values))
    differences, of_best = values[best] - values, errors[best]
    scaled = np.divide(differences, of_best, out=np.zeros_like(values), where=of_best > 0)
    exceeding = len(largest) - np.searchsorted(np.sort(largest), scaled, side="left")
    p_values = (1 + exceeding) / (1 + len(largest))
    p_values[differences <= 0] = 1.0
    return AgainstBest(best, differences, of_best, p_values, float(np.quantile(largest, level)), level)


def _errors(first: Floats, second: Floats) -> Floats:
    """The standard error of the difference of any two candidates, (m, m), from centred draws."""
    covariance = (first @ second.T + second @ first.T) / 2
    variances = np.mean([(first**2).sum(axis=1), (second**2).sum(axis=1)], axis=0)
    squares = np.add.outer(variances, variances) - 2 * covariance
    found = np.sqrt(np.maximum(squares, 0) / (first.shape[1] - 1))
    np.fill_diagonal(found, 0)
    return np.where(found > 1e-12, found, 0)


def _largest(first: Floats, second: Floats, errors: Floats) -> Floats:
    """The largest studentised difference of any two candidates in each draw, (R,)."""
    with np.errstate(divide="ignore"):
        inverse = np.where(errors > 0, 1 / errors, 0).astype(np.float32)
    a, b = np.ascontiguousarray(first.T, np.float32), np.ascontiguousarray(second.T, np.float32)
    largest = np.zeros(len(a), np.float32)
    rows = max(1, TILE_CELLS // len(errors))
    for start in range(0, len(errors), rows):
        tile = inverse[start : start + rows]
        scaled = np.empty_like(tile)
        for draw, (of_first, of_second) in enumerate(zip(a[:, start : start + rows], b, strict=True)):
            np.subtract(of_first[:, None], of_second, out=scaled)
            scaled *= tile
            largest[draw] = max(largest[draw], scaled.max(), -scaled.min())
    return largest.astype(np.float64)


def _largest_between_folds(candidates: int, folds: int, generator: np.random.Generator, draws: int) -> Floats:
    """The largest studentised difference of any two of equal candidates over so many folds, in each draw, (R,)."""
    rows, largest = max(1, TILE_CELLS // candidates), np.zeros(draws)
    for draw in range(draws if candidates > 1 else 0):
        values = generator.standard_normal((candidates, folds))
        means = values.mean(axis=1)
        residuals = values - means[:, None]
        squares = (residuals**2).sum(axis=1)
        for start in range(0, candidates, rows):
            tile = slice(start, start + rows)
            between = residuals[tile] @ (-2 * residuals[start:].T)
            between += squares[tile, None]
            between += squares[start:]
            ratios = np.subtract.outer(means[tile], means[start:])
            ratios *= ratios
            ratios /= np.maximum(between, 1e-12, out=between)
            largest[draw] = max(largest[draw], ratios.max())
    return np.asarray(np.sqrt(folds * (folds - 1) * largest))


def noise_of_seeds(
    spreads: Floats, seeds: NDArray[np.int64], generator: np.random.Generator, *, draws: int = DRAWS
) -> Floats:
    """What the choice of seeds adds to the mean of each candidate, (m, R). spreads: the standard deviations (m,) over
    so many seeds (m,); 0 with a single one, whose comparison is that of these models.

    A few seeds tell little about a spread, so that of a candidate is its own or the typical one of the sweep,
    whichever is larger. The degrees of freedom are those of all candidates together.
    """
    free = np.maximum(seeds - 1, 0)
    if not free.any():
        return np.zeros((len(spreads), draws))
    from scipy.special import chdtri

    several = free > 0
    typical = np.median(spreads[several] ** 2 * free[several] / chdtri(free[several], 0.5))
    variances = np.where(several, np.maximum(spreads**2, typical), 0) / np.maximum(seeds, 1)
    normal = generator.standard_normal((len(spreads), draws)) / _chi(generator, int(free.sum()), draws)
    return np.asarray(np.sqrt(variances)[:, None] * normal)


def _chi(generator: np.random.Generator, degrees: int, draws: int) -> Floats:
    """Roots of chi-square over its degrees of freedom, (R,): they turn normal draws into draws of Student's t."""
    return np.sqrt(generator.chisquare(degrees, draws) / degrees)
