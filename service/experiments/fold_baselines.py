"""Baselines of a cross-validation: fitted and measured in each fold, and averaged over the folds of the summary."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from service.experiments.baseline_figures import baseline_metrics
from service.experiments.fold_estimates import FoldIntervals
from service.experiments.fold_figures import FoldFigures, mean
from service.experiments.intervals import OptionalEnds
from service.experiments.majority import fold_counts, majority_on
from service.schemas.summary import Baseline, BaselineClass
from service.store.spec_facts import is_regression
from service.store.tables import Rows
from workers.data.splits import Fold
from workers.evaluation import baselines

T = TypeVar("T")
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
    if not is_regression(plan) and (majority := majority_on(counts, PART)):
        yield majority.name, majority
    for run in runs:
        if (run.repeat, run.fold) == fold:
            for stored in run.baselines or []:
                yield stored["name"], baselines.Baseline.from_json(stored)


def _averaged(
    of_folds: list[baselines.Baseline], classes: list[str], intervals: FoldIntervals | None
) -> Baseline:
    metrics = {name: mean([each.metrics.get(name) for each in of_folds]) for name in of_folds[0].metrics}
    low, high = _ends(of_folds, "accuracy", intervals)
    balanced_low, balanced_high = _ends(of_folds, "balanced_accuracy", intervals)
    predicted = _if_equal([each.predicted_class for each in of_folds])
    return Baseline(
        name=of_folds[0].name,
        split=PART,
        accuracy=mean([each.accuracy for each in of_folds]),
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=mean([each.balanced_accuracy for each in of_folds]),
        balanced_accuracy_low=balanced_low,
        balanced_accuracy_high=balanced_high,
        predicted_class=None if predicted is None else classes[predicted],
        metrics=baseline_metrics(metrics),
        predicted_value=mean([each.predicted_value for each in of_folds]),
        classes=list(_of_classes(of_folds, classes, intervals)),
        training_rows=min((each.training_rows for each in of_folds if each.training_rows), default=None),
        l2=_if_equal([each.l2 for each in of_folds]),
        changes=of_folds[0].changes,
    )


def _ends(of_folds: list[baselines.Baseline], metric: str, intervals: FoldIntervals | None) -> OptionalEnds:
    values = [getattr(each, metric) for each in of_folds]
    return intervals.of_values(metric, values) if intervals else (None, None)


def _of_classes(
    of_folds: Sequence[baselines.Baseline], names: list[str], intervals: FoldIntervals | None
) -> Iterator[BaselineClass]:
    errors = [each.errors for each in of_folds]
    if not all(errors):
        yield from _classes([each.recalls for each in of_folds], names, intervals)
        return
    for name, of_bin in zip(names, zip(*errors, strict=True), strict=True):
        nothing = dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"))
        yield BaselineClass(class_=name, **nothing, mae=mean(of_bin))


def _classes(
    recalls: Sequence[Sequence[float | None]], names: list[str], intervals: FoldIntervals | None
) -> Iterator[BaselineClass]:
    """Nothing if a fold was fitted before Holdout stored recalls."""
    if not all(recalls):
        return
    for index, (name, of_class) in enumerate(zip(names, zip(*recalls, strict=True), strict=True)):
        low, high = intervals.of_recalls(index, of_class) if intervals else (None, None)
        yield BaselineClass(class_=name, accuracy=mean(of_class), accuracy_low=low, accuracy_high=high)


def _if_equal(values: Sequence[T]) -> T | None:
    """The value that all folds share; None if they differ."""
    return values[0] if len(set(values)) == 1 else None
