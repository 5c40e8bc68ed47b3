"""Bounds for the figures of a look at a test set: for one look, for several, and for those chosen from answers.

All follow from the number of correct rows of each class, which a look tells anyway. So they are no further answers.
They are for the models that were evaluated, on new rows of this kind with the same class frequencies: a row counts
once, with the share of the models that were right.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from workers.evaluation.bootstrap import PRIOR
from workers.evaluation.intervals import LEVEL, Interval, adaptive_half_width, percentile_interval, wilson
from workers.evaluation.row_weights import class_weights
from workers.randomness import generator

DRAWS = 10_000


@dataclass(frozen=True)
class LookBounds:
    """single: if this was the only look. all_looks: if the looks were not chosen from earlier answers.

    adaptive: whatever the looks were chosen from.
    """

    single: Interval
    all_looks: Interval
    adaptive: Interval


@dataclass(frozen=True)
class Told:
    """What a look has told: of each class its rows, and how many were right, summed over the seeds; each (K,).

    looks: how many there are now. earlier: of each number that an earlier look told, the largest that it could be; 90
    for the right rows among 30 by 3 seeds.
    """

    support: tuple[int, ...]
    correct: tuple[int, ...]
    seeds: int
    looks: int = 1
    earlier: tuple[tuple[int, ...], ...] = ()

    @property
    def shares(self) -> list[float | None]:
        """The recall of each class; None for a class without rows."""
        pairs = zip(self.correct, self.support, strict=True)
        return [correct / (rows * self.seeds) if rows else None for correct, rows in pairs]


def accuracy_bounds(told: Told) -> LookBounds | None:
    """Wilson's intervals, and Hoeffding's bound over all models that the answers could have led to."""
    rows = sum(told.support)
    if not rows:
        return None
    accuracy = sum(told.correct) / (rows * told.seeds)
    single, all_looks = (wilson(round(accuracy * rows), rows, looks=looks) for looks in (1, told.looks))
    return _bounds(single, all_looks, accuracy, rows, told)


def balanced_accuracy_bounds(told: Told) -> LookBounds | None:
    """Percentiles of the mean of the classes' recalls, each drawn from its Beta distribution given its rows.

    The classes share one prior of Jeffreys, and those with few rows are drawn too, as in `bootstrap`. The adaptive
    bound is Hoeffding's for a mean in which a row of class k has the weight 1 / (K n_k): as for K^2 / sum(1 / n_k)
    rows of equal weight.
    """
    present = [(correct, rows) for correct, rows in zip(told.correct, told.support, strict=True) if rows]
    if not present:
        return None
    observed = sum(correct / (rows * told.seeds) for correct, rows in present) / len(present)
    single, all_looks = (
        _of_mean_recall(tuple(present), told.seeds, observed, level)
        for level in (LEVEL, 1 - (1 - LEVEL) / told.looks)
    )
    rows = len(present) ** 2 / sum(1 / rows for _, rows in present)
    return _bounds(single, all_looks, observed, rows, told)


def recall_bounds(told: Told) -> list[Interval | None]:
    """Wilson's interval of each class's recall, for all looks; None for a class without rows."""
    shares = zip(told.shares, told.support, strict=True)
    return [
        None if share is None else wilson(round(share * rows), rows, looks=told.looks)
        for share, rows in shares
    ]


def _bounds(
    single: Interval | None, all_looks: Interval | None, observed: float, rows: float, told: Told
) -> LookBounds | None:
    half = adaptive_half_width(rows, told.looks, earlier=told.earlier)
    if single is None or all_looks is None or half is None:
        return None
    adaptive = Interval(max(0.0, observed - half), min(1.0, observed + half), LEVEL)
    return LookBounds(single, all_looks, adaptive)


@lru_cache(maxsize=1000)
def _of_mean_recall(
    present: tuple[tuple[int, int], ...], seeds: int, observed: float, level: float
) -> Interval:
    """Cached, because every reading of a ledger needs those of all its looks."""
    correct, rows = (np.array(column, np.float64) for column in zip(*present, strict=True))
    right, prior = correct / seeds, PRIOR / len(present)
    stream = generator(0, "intervals")
    drawn = stream.beta(right + prior, rows - right + prior, size=(DRAWS, len(present)))
    of_classes = class_weights(stream, rows, DRAWS)
    found = percentile_interval(np.average(drawn, axis=1, weights=of_classes), level)
    return Interval(min(found.low, observed), max(found.high, observed), LEVEL)
