"""Intervals of shares and means: Wilson's, Student's t, and the bound for looks chosen from earlier answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist, fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.student import student_t_quantile

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A two-sided interval that covers the truth with probability `level`."""

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Mean:
    """The mean of n values, such as one per seed. One value has no standard deviation and no interval."""

    mean: float
    n: int
    sd: float | None
    interval: Interval | None


def wilson(successes: float, n: int, level: float = LEVEL, *, looks: int = 1) -> Interval | None:
    """The Wilson score interval of successes / n; null for n = 0. A mean share need not be of whole rows.

    z = z_{1 - d/(2 looks)}, d = 1 - level: of `looks` such intervals all cover with probability `level`
    (Bonferroni), provided that what was looked at was not chosen from earlier answers.
    Source: Wilson 1927. Oracle: statsmodels proportion_confint(method="wilson").
    """
    if n == 0:
        return None
    z = normal_quantile(1 - (1 - level) / (2 * looks))
    share = successes / n
    centre = share + z * z / (2 * n)
    half_width = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At a share of 0 or 1 a bound is exactly 0 or 1, and only rounding says otherwise.
    low = (centre - half_width) / scale if successes > 0 else 0.0
    high = (centre + half_width) / scale if successes < n else 1.0
    return Interval(low, high, level)


def adaptive_half_width(
    n: float, looks: int, level: float = LEVEL, *, earlier: Sequence[Sequence[int]] | None = None
) -> float | None:
    """sqrt((sum_j ln A_j + ln(2k/d)) / (2n)), d = 1 - level; null for n = 0. Above 1 it says nothing.

    Holds for each of k `looks` at the same n rows even if its model was chosen from all `earlier` answers j: there
    are prod_j A_j models to guard against, each by Hoeffding's inequality (1963). `earlier` has, of each number that
    a look told, the largest that it could be, so that A_j = prod_c (count_c + 1): with the accuracy of each class c
    and s seeds, count_c = s n_c. By default each of the k - 1 earlier looks told one number out of n.
    """
    if n == 0:
        return None
    told = [[round(n)]] * (looks - 1) if earlier is None else earlier
    answers = sum(math.log(count + 1) for counts in told for count in counts)
    return math.sqrt((answers + math.log(2 * looks / (1 - level))) / (2 * n))


def standard_deviation(values: Sequence[float], mean: float) -> float:
    """The standard deviation (ddof 1) of at least two values with this mean.

    statistics.stdev works in exact fractions: 20 times as long, for every status that is polled.
    """
    return math.hypot(*(value - mean for value in values)) / math.sqrt(len(values) - 1)


def t_interval(values: Sequence[float], level: float = LEVEL) -> Mean | None:
    """Mean, standard deviation (ddof 1) and Student's t interval; null without values.

    Oracle: scipy.stats.t.interval.
    """
    n = len(values)
    if n == 0:
        return None
    mean = fmean(values)
    if n == 1:
        return Mean(mean, n, sd=None, interval=None)
    sd = standard_deviation(values, mean)
    half_width = t_half_width(sd, n, level)
    return Mean(mean, n, sd, Interval(mean - half_width, mean + half_width, level))


def t_half_width(sd: float, n: int, level: float) -> float:
    """Half of Student's t interval for the mean of n values, at least two, with this standard deviation (ddof 1)."""
    return student_t_quantile(n - 1, 0.5 + level / 2) * sd / math.sqrt(n)


def corrected_t_interval(
    values: Sequence[float], *, evaluation_share: float, level: float = LEVEL
) -> tuple[float, Interval] | None:
    """The mean over the J evaluation folds of a cross-validation, and its corrected t interval.

    The folds' training sets overlap, so the variance of the mean is (1/J + n_eval/n_train) s^2 instead of s^2/J, with
    J - 1 degrees of freedom. evaluation_share: n_eval / n_train. None for fewer than two folds.
    Source: Nadeau & Bengio 2003, Inference for the generalization error; Bouckaert & Frank 2004.
    """
    plain = t_interval(values, level)
    if plain is None or plain.interval is None:
        return None
    half_width = (plain.interval.high - plain.mean) * math.sqrt(1 + plain.n * evaluation_share)
    return plain.mean, Interval(plain.mean - half_width, plain.mean + half_width, level)


def percentile_interval(resampled: NDArray[Any], level: float = LEVEL) -> Interval:
    """The bounds between which the middle `level` of the resamples (R,) lie."""
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(low, high, level)


def bootstrap_correction(rows: int) -> float:
    """The standard error of a mean over so many rows, at least two, divided by its deviation in a Bayesian bootstrap.

    Without a prior, the draws have the variance s^2 (n - 1) / (n (n + 1)) in place of s^2 / n.
    """
    return math.sqrt((rows + 1) / (rows - 1))


@cache
def few_rows_stretch(rows: int, level: float = LEVEL) -> float:
    """By how much an interval of a Bayesian bootstrap of so many rows, at least two, is too short without a prior.

    Its draws vary too little (`bootstrap_correction`), and their percentiles take s as known, where Student's t does
    not.
    """
    tail = 0.5 + level / 2
    return bootstrap_correction(rows) * student_t_quantile(rows - 1, tail) / normal_quantile(tail)


@cache
def normal_quantile(probability: float) -> float:
    """The value that a standard normal variable stays below with this probability."""
    return NormalDist().inv_cdf(probability)
