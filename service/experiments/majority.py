"""The accuracy of always predicting the most frequent training class: on each part, of each fold."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from service.schemas.epochs import MajorityAccuracies
from service.store.spec_facts import is_regression
from workers.evaluation.baselines import Baseline, majority_baseline

Counts = dict[str, list[int]]


def fold_counts(plan: dict[str, Any]) -> Iterator[tuple[int, int, Counts]]:
    """Repeat, number, and the rows of each class in each part, of every fold of a stored plan."""
    for each in plan.get("folds") or [{"repeat": 0, "fold": 0, "split_counts": plan["split_counts"]}]:
        yield each["repeat"], each["fold"], each["split_counts"]


def open_counts(plan: dict[str, Any]) -> list[int]:
    """The rows of each class in the evaluation parts of all folds of one repeat: every open row is in one of them."""
    parts = [counts["evaluation"] for repeat, _, counts in fold_counts(plan) if repeat == 0]
    return [sum(rows) for rows in zip(*parts, strict=True)]


def majority_accuracies(plan: dict[str, Any]) -> MajorityAccuracies:
    """The accuracies of a stored plan."""
    if is_regression(plan):
        return {(repeat, fold, part): None for repeat, fold, counts in fold_counts(plan) for part in counts}
    return {
        (repeat, fold, part): baseline.accuracy if (baseline := majority_on(counts, part)) else None
        for repeat, fold, counts in fold_counts(plan)
        for part in counts
    }


def majority_on(counts: Counts, part: str) -> Baseline | None:
    """The baseline on one part; None if the part is empty."""
    return _majority_on(tuple(counts["train"]), tuple(counts[part]))


@lru_cache(maxsize=10_000)
def _majority_on(training: tuple[int, ...], part: tuple[int, ...]) -> Baseline | None:
    """Cached, because every poll that finds a change needs it, and it never changes."""
    return majority_baseline(np.array(training), np.array(part)) if any(part) else None
