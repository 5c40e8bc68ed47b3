"""Whether one model is better than another: paired tests, on the same rows or on the same seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.intervals import LEVEL, Interval, Mean, percentile_interval, t_interval
from workers.nn.arrays import Integers

Correct = NDArray[np.bool_]
"""Whether each row, (N,), was predicted correctly."""

EXACT_BELOW = 25
"""With at least this many discordant rows, the chi-square distribution replaces the binomial."""


@dataclass(frozen=True)
class McNemar:
    """only_a, only_b: rows that only a, or only b, predicted correctly. exact: whether the p-value is binomial."""

    only_a: int
    only_b: int
    p_value: float
    exact: bool


@dataclass(frozen=True)
class BootstrapDifference:
    """a minus b as observed, with the percentile interval of its resamples."""

    difference: float
    interval: Interval


@dataclass(frozen=True)
class PairedT:
    """a minus b over n seeds. The p-value is null if t is undefined: n < 2, or all differences are equal."""

    difference: Mean
    p_value: float | None


def mcnemar(correct_a: Correct, correct_b: Correct) -> McNemar:
    """Test that a and b err equally often, from the rows on which they disagree.

    Exact: 2 P(Binomial(n, 1/2) <= min), at most 1. Else chi-square with one degree of freedom and continuity
    correction, (|only_a - only_b| - 1)^2 / n.
    Source: McNemar 1947; Edwards 1948. Oracle: statsmodels.stats.contingency_tables.mcnemar.
    """
    only_a = int(np.count_nonzero(correct_a & ~correct_b))
    only_b = int(np.count_nonzero(correct_b & ~correct_a))
    n = only_a + only_b
    if n < EXACT_BELOW:
        tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1)) / 2**n
        return McNemar(only_a, only_b, p_value=min(1.0, 2 * tail), exact=True)
    statistic = (abs(only_a - only_b) - 1) ** 2 / n
    return McNemar(only_a, only_b, p_value=math.erfc(math.sqrt(statistic / 2)), exact=False)


def paired_bootstrap(
    correct_a: Correct,
    correct_b: Correct,
    labels: Integers,
    generator: np.random.Generator,
    *,
    resamples: int = 2000,
    level: float = LEVEL,
) -> dict[str, BootstrapDifference]:
    """The differences in `accuracy` and `balanced_accuracy`, with percentile intervals over resampled rows.

    A row matters by its class and by whether a, b, both or neither got it right. Resampling N rows is
    therefore one multinomial draw over these 3K kinds of rows: the same distribution, without touching rows.
    Source: Efron & Tibshirani 1993, chapter 13. Oracle: scipy.stats.bootstrap(paired=True).
    """
    outcomes = correct_a.astype(np.int64) - correct_b
    kinds = np.bincount(3 * labels + outcomes + 1, minlength=3 * (int(labels.max()) + 1))
    drawn = generator.multinomial(len(labels), kinds / len(labels), size=resamples)
    observed, resampled = _differences(kinds.reshape(1, -1, 3)), _differences(drawn.reshape(resamples, -1, 3))
    return {
        name: BootstrapDifference(float(observed[name][0]), percentile_interval(resampled[name], level))
        for name in observed
    }


def _differences(kinds: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Per sample (R,), from counts (R, K, 3) of rows that b alone, both or neither, a alone got right."""
    gained = kinds[..., 2] - kinds[..., 0]
    support = kinds.sum(axis=-1)
    recall = gained / np.maximum(support, 1)
    return {
        "accuracy": gained.sum(axis=-1) / support.sum(axis=-1),
        "balanced_accuracy": recall.sum(axis=-1) / np.count_nonzero(support, axis=-1),
    }


def paired_t(values_a: Sequence[float], values_b: Sequence[float], level: float = LEVEL) -> PairedT | None:
    """Student's paired t-test of two experiments over the same seeds, in the same order; null without seeds.

    Oracle: scipy.stats.ttest_rel.
    """
    difference = t_interval([a - b for a, b in zip(values_a, values_b, strict=True)], level)
    if difference is None:
        return None
    magnitude = max(map(abs, (*values_a, *values_b)))
    if difference.sd is None or difference.sd <= 1e-12 * magnitude:  # equal but for rounding
        return PairedT(difference, p_value=None)
    from scipy.special import stdtr

    t = difference.mean / (difference.sd / math.sqrt(difference.n))
    return PairedT(difference, p_value=2 * float(stdtr(difference.n - 1, -abs(t))))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values, in the given order; a comparison without a p-value is not counted.

    The i-th smallest of m becomes the largest (m - j + 1) p_j over j <= i, at most 1.
    Source: Holm 1979. Oracle: statsmodels multipletests(method="holm").
    """
    adjusted: list[float | None] = [None] * len(p_values)
    ascending = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    running = 0.0
    for rank, (p, index) in enumerate(ascending):
        running = max(running, min(1.0, (len(ascending) - rank) * p))
        adjusted[index] = running
    return adjusted
