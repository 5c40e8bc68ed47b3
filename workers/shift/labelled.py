"""A batch with labels: the accuracy measured there beside validation's, with the interval of the difference."""

import math
from dataclasses import dataclass

import numpy as np

from workers.evaluation.confusion import Confusion
from workers.evaluation.intervals import LEVEL, Interval, normal_quantile, wilson
from workers.nn.arrays import Integers


@dataclass(frozen=True)
class ShareChange:
    """A share before and after: of right predictions among all rows, or among those of a class. None without rows.

    difference: after minus before, with its interval (level 95 %).
    """

    before: float | None
    after: float | None
    after_interval: Interval | None
    difference: float | None
    interval: Interval | None
    rows_before: int
    rows_after: int


def share_change(right_before: int, before: int, right_after: int, after: int) -> ShareChange:
    """Newcombe's interval of the difference of two independent shares, from the Wilson intervals of both.

    Source: Newcombe 1998, Interval estimation for the difference between independent proportions, method 10.
    Oracle: statsmodels.stats.proportion.confint_proportions_2indep(method="newcomb").
    """
    wilson_before, wilson_after = wilson(right_before, before), wilson(right_after, after)
    p = right_before / before if before else None
    q = right_after / after if after else None
    if p is None or q is None or wilson_before is None or wilson_after is None:
        return ShareChange(p, q, wilson_after, None, None, before, after)
    low = q - p - math.hypot(q - wilson_after.low, wilson_before.high - p)
    high = q - p + math.hypot(wilson_after.high - q, p - wilson_before.low)
    return ShareChange(p, q, wilson_after, q - p, Interval(low, high, LEVEL), before, after)


def smallest_drop(right_before: int, before: int, after: int) -> float | None:
    """The drop of accuracy that the interval would exclude 0 for in 80 % of batches with so many labels.

    (z_.975 + z_.8) times the standard error of the difference, at validation's accuracy. None if the accuracy cannot
    drop so far.
    """
    p = (right_before + 1) / (before + 2)
    error = math.sqrt(p * (1 - p) * (1 / before + 1 / after))
    drop = (normal_quantile(0.975) + normal_quantile(0.8)) * error
    return drop if drop <= p else None


@dataclass(frozen=True)
class Recalls:
    """The accuracy of all rows, of each class, and balanced: the mean over the classes that both have."""

    accuracy: ShareChange
    classes: list[ShareChange]
    balanced: "BalancedChange | None"


@dataclass(frozen=True)
class BalancedChange:
    """Balanced accuracy over the classes that both have rows of, and the interval of its difference."""

    before: float
    after: float
    difference: float
    interval: Interval


def compare_accuracy(before: Confusion, after: Confusion, unknown: int = 0) -> Recalls:
    """Confusion matrices (K, K) of validation and of the batch. unknown: further rows of the batch, all wrong."""
    hits: list[Integers] = [np.diagonal(each) for each in (before, after)]
    rows: list[Integers] = [each.sum(axis=1) for each in (before, after)]
    right_before, all_before, right_after, all_after = (
        int(each.sum()) for each in (hits[0], rows[0], hits[1], rows[1])
    )
    whole = share_change(right_before, all_before, right_after, all_after + unknown)
    of_classes = zip(*(each.tolist() for each in (hits[0], rows[0], hits[1], rows[1])), strict=True)
    return Recalls(whole, [share_change(*counts) for counts in of_classes], _balanced(hits, rows))


def _balanced(hits: list[Integers], rows: list[Integers]) -> BalancedChange | None:
    both = (rows[0] > 0) & (rows[1] > 0)
    if not both.any():
        return None
    means, variance = [], 0.0
    for right, count in zip(hits, rows, strict=True):
        recall = right[both] / count[both]
        means.append(float(recall.mean()))
        smoothed = (right[both] + 1) / (count[both] + 2)
        variance += float((smoothed * (1 - smoothed) / count[both]).sum()) / int(both.sum()) ** 2
    difference, half = means[1] - means[0], normal_quantile((1 + LEVEL) / 2) * math.sqrt(variance)
    return BalancedChange(
        means[0], means[1], difference, Interval(difference - half, difference + half, LEVEL)
    )
