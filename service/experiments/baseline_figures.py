"""The figures of a baseline in a summary: from what a worker stored, and what follows from the class counts."""

from collections.abc import Mapping, Sequence

from service.schemas.base import bounds, share_bounds
from service.schemas.summary import Baseline, BaselineClass, BaselineMetrics, RandomSplit
from workers.evaluation import baselines, random_split
from workers.evaluation.metrics import SUMMARISED


def baseline_figures(baseline: baselines.Baseline, names: Sequence[str], support: Sequence[int]) -> Baseline:
    """The response for a baseline on the validation part, which has `support` rows of each class (K,)."""
    low, high = bounds(baseline.interval)
    balanced_low, balanced_high = bounds(baseline.balanced_accuracy_interval)
    predicted = baseline.predicted_class
    return Baseline(
        name=baseline.name,
        split="validation",
        accuracy=baseline.accuracy,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=baseline.balanced_accuracy,
        balanced_accuracy_low=balanced_low,
        balanced_accuracy_high=balanced_high,
        predicted_class=None if predicted is None else names[predicted],
        predicted_value=baseline.predicted_value,
        metrics=baseline_metrics(baseline.metrics),
        classes=_classes(baseline, names, support),
        training_rows=baseline.training_rows,
        l2=baseline.l2,
        changes=baseline.changes,
        random_split=_random_split(baseline.random_split),
    )


def _random_split(found: random_split.RandomSplit | None) -> RandomSplit | None:
    if found is None:
        return None
    (low, high), (random_low, random_high), (drop_low, drop_high) = (
        bounds(each) for each in (found.interval, found.random_interval, found.drop_interval)
    )
    return RandomSplit.model_validate(
        {"metric": found.metric, "value": found.value, "random": found.random, "drop": found.drop}
        | {"low": low, "high": high, "random_low": random_low, "random_high": random_high}
        | {"drop_low": drop_low, "drop_high": drop_high}
    )


def baseline_metrics(metrics: Mapping[str, float | None]) -> BaselineMetrics | None:
    """The response for metrics by name, null if it lacks some; None if there are none."""
    complete = {metric.name: metrics.get(metric.name) for metric in SUMMARISED}
    return BaselineMetrics.model_validate(complete) if metrics else None


def _classes(
    baseline: baselines.Baseline, names: Sequence[str], support: Sequence[int]
) -> list[BaselineClass]:
    """Empty for a baseline that was stored before Holdout had its recalls."""
    found = [
        BaselineClass(class_=name, accuracy=None, accuracy_low=None, accuracy_high=None, mae=error)
        for name, error in zip(names, baseline.errors, strict=False)
    ]
    for name, rows, recall in zip(names, support, baseline.recalls or (), strict=bool(baseline.recalls)):
        low, high = (None, None) if recall is None else share_bounds(recall, rows)
        found.append(BaselineClass(class_=name, accuracy=recall, accuracy_low=low, accuracy_high=high))
    return found
