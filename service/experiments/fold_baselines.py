"""Baselines of a cross-validation: fitted and measured in each fold, and averaged over the folds of the summary."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from service.experiments.fold_estimates import FoldFigures, FoldIntervals
from service.experiments.majority import fold_counts, majority_on
from service.schemas.summary import Baseline
from service.store.tables import Rows
from workers.data.splits import Fold
from workers.evaluation import baselines

PART = "evaluation"


def averaged_baselines(
    plan: dict[str, Any], runs: Rows, folds: Sequence[FoldFigures], intervals: FoldIntervals | None
) -> list[Baseline]:
    """The mean of each baseline that every one of these folds has. intervals: None while there are none."""
    of_folds = {each.fold: dict(_of_fold(plan, runs, each.fold)) for each in folds}
    names = list(dict.fromkeys(name for found in of_folds.values() for name in found))
    complete = [name for name in names if all(name in found for found in of_folds.values())]
    return [
        _averaged([found[name] for found in of_folds.values()], plan["dataset"]["classes"], intervals)
        for name in complete
    ]


def _of_fold(plan: dict[str, Any], runs: Rows, fold: Fold) -> Iterator[tuple[str, baselines.Baseline]]:
    """The baselines of one fold by name: the majority class, and those that one of its runs has fitted."""
    counts = next(counts for repeat, number, counts in fold_counts(plan) if (repeat, number) == fold)
    if majority := majority_on(counts, PART):
        yield majority.name, majority
    for run in runs:
        if (run.repeat, run.fold) == fold:
            for stored in run.baselines or []:
                yield stored["name"], baselines.Baseline.from_json(stored)


def _averaged(
    of_folds: list[baselines.Baseline], classes: list[str], intervals: FoldIntervals | None
) -> Baseline:
    accuracies = [each.accuracy for each in of_folds]
    low, high = intervals.of_accuracies(accuracies) if intervals else (None, None)
    predicted = {each.predicted_class for each in of_folds}
    always = predicted.pop() if len(predicted) == 1 else None
    return Baseline(
        name=of_folds[0].name,
        split=PART,
        accuracy=fmean(accuracies),
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=fmean(each.balanced_accuracy for each in of_folds),
        predicted_class=None if always is None else classes[always],
    )
