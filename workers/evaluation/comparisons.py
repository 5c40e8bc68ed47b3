"""Tests of pairs: whether two models err equally often on the same rows, and p-values of several tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
