"""Differences of experiments over the folds of the same cross-validation."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from service.experiments.contenders import Pair
from service.store.run_keys import RunKey
from workers.evaluation.differences import Difference, between_folds

FoldKey = tuple[int, int]
"""The repeat, and the fold in it."""


@dataclass(frozen=True)
class FoldDifference:
    """A pair over shared folds. means_a, means_b: of each fold over the seeds that both have.

    difference: None if it is the same in each fold.
    """

    means_a: tuple[float, ...]
    means_b: tuple[float, ...]
    difference: Difference | None


def fold_difference(pair: Pair) -> FoldDifference:
    """The difference of two experiments with at least two shared folds, by a metric that each run has."""
    runs_of: dict[FoldKey, list[RunKey]] = defaultdict(list)
    for run in pair.runs:
        runs_of[run.repeat, run.fold].append(run)
    means_a, means_b = (
        tuple(fmean(pair.values(each, runs)) for runs in runs_of.values()) for each in (pair.a, pair.b)
    )
    share = 1 / (pair.a.spec["split"]["folds"] - 1)  # of rows evaluated to those that train or validate
    return FoldDifference(means_a, means_b, between_folds(means_a, means_b, evaluation_share=share))
