"""Intervals of the mean over seeds, in a model with known components of variance: which formula covers how often.

S models are measured on the same rows: m_s = R + A_s + I_s, normal with mean 0, R with variance 1 the same for all.
The variances over rows are known, as a bootstrap of many rows tells them; that over seeds is estimated. Widths are
relative to those of an interval that knows all of them. It takes seconds, and chose the formula of `rows_and_seeds`.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from workers.evaluation.intervals import LEVEL, normal_quantile

Floats = NDArray[np.float64]

SEEDS = (2, 3, 5)
OF_SEEDS = (0.0, 0.3, 1.0, 3.0, 10.0)
INTERACTION = 0.3
DRAWS, DRAWS_OF_PERCENTILES, RESAMPLES = 20_000, 2000, 400
TAIL = 0.5 + LEVEL / 2


class Coverage(NamedTuple):
    """of_seeds: their variance. covered: the share of the draws. width: relative to the ideal one."""

    method: str
    seeds: int
    of_seeds: float
    covered: float
    width: float


def outcomes(variances: Sequence[float] = OF_SEEDS) -> Iterator[Coverage]:
    """Of each method, with each number of seeds and each of these variances of seeds."""
    for of_seeds, seeds in product(variances, SEEDS):
        stream = np.random.default_rng([seeds, round(10 * of_seeds)])
        own = np.sqrt(of_seeds + INTERACTION) * stream.standard_normal((DRAWS, seeds))
        models = stream.standard_normal((DRAWS, 1)) + own
        mean, errors = models.mean(axis=1), models.var(axis=1, ddof=1) / seeds
        ideal = 2 * normal_quantile(TAIL) * np.sqrt(1 + (of_seeds + INTERACTION) / seeds)
        for method, half in (
            ("Student's t", _by_t(errors, seeds)),
            ("Satterthwaite", _by_sum(errors, seeds)),
        ):
            yield _coverage(method, seeds, of_seeds, mean - half, mean + half, ideal)
        low, high = _by_drawing_seeds(models[:DRAWS_OF_PERCENTILES], stream)
        yield _coverage("draws of seeds", seeds, of_seeds, low, high, ideal)


def _coverage(method: str, seeds: int, of_seeds: float, low: Floats, high: Floats, ideal: float) -> Coverage:
    covered = float(np.mean((low <= 0) & (high >= 0)))
    return Coverage(method, seeds, of_seeds, covered, float(np.mean(high - low) / ideal))


def _of_rows(seeds: int) -> float:
    """The variance of the mean over the same models in draws of the rows."""
    return 1 + INTERACTION / seeds


def _by_t(errors: Floats, seeds: int) -> Floats:
    """That of `rows_and_seeds` (Banerjee 1961)."""
    of_seeds = stdtrit(seeds - 1, TAIL) * np.sqrt(errors)
    return np.asarray(np.hypot(normal_quantile(TAIL) * np.sqrt(_of_rows(seeds)), of_seeds))


def _by_sum(errors: Floats, seeds: int) -> Floats:
    """One t of the sum, with Satterthwaite's degrees of freedom (1946)."""
    total = _of_rows(seeds) + errors
    return np.asarray(stdtrit((seeds - 1) * (total / errors) ** 2, TAIL) * np.sqrt(total))


def _by_drawing_seeds(models: Floats, stream: np.random.Generator) -> tuple[Floats, Floats]:
    """Percentiles of draws of rows and of seeds with replacement, widened by sqrt(S / (S - 1)) (Owen 2007)."""
    draws, seeds = models.shape
    share = stream.multinomial(seeds, np.full(seeds, 1 / seeds), size=(draws, RESAMPLES)) / seeds
    own = np.sqrt(INTERACTION) * stream.standard_normal((draws, RESAMPLES, seeds)) + models[:, None]
    centre = own.mean(axis=2)
    deviation = np.einsum("drs,drs->dr", own - centre[..., None], share)
    values = centre + stream.standard_normal((draws, RESAMPLES)) + np.sqrt(seeds / (seeds - 1)) * deviation
    low, high = np.quantile(values, [1 - TAIL, TAIL], axis=1)
    return low, high
