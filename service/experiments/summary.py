"""Summarise an experiment: estimates over its seeds, the classes, baselines and findings.

All figures of a seed are those of its *selected* epoch on the validation part, never of each metric at its own best.
Failed seeds are left out, and the findings say so.
"""

from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean
from typing import Any

import numpy as np

from service.experiments.findings import Evidence, findings_about
from service.schemas.base import bounds
from service.schemas.summary import (
    Baseline,
    ClassEstimate,
    Estimate,
    Estimates,
    SeedFigures,
    Selected,
    Summary,
)
from service.store.experiment_reader import ExperimentDetails
from service.store.tables import Rows
from workers.evaluation import baselines
from workers.evaluation.intervals import Interval, t_interval, wilson
from workers.evaluation.metrics import BY_NAME, SUMMARISED
from workers.spec import DEFAULT_METRIC


def summarise(found: ExperimentDetails) -> Summary | None:
    """The summary of an experiment; None until a run has selected an epoch without failing."""
    selected = [row for row in found.selected if row.status != "failed"]
    if not selected:
        return None
    stored = found.experiment
    evidence = Evidence(
        spec=stored.spec,
        split_counts=stored.plan["split_counts"],
        runs=found.runs,
        selected=selected,
        metrics={metric.name: _estimate(selected, metric.name) for metric in SUMMARISED},
        classes=_classes(stored.plan["dataset"]["classes"], selected),
        baselines=_baselines(stored.plan, stored.baselines or []),
    )
    return Summary(
        selection=_selection(stored.spec),
        seeds=[_seed(row) for row in selected],
        metrics=Estimates.model_validate(evidence.metrics),
        classes=evidence.classes,
        baselines=evidence.baselines,
        findings=findings_about(evidence),
    )


def majority_accuracies(split_counts: dict[str, list[int]]) -> dict[str, float | None]:
    """The accuracy of always predicting the majority class, on each part; None if the part is empty."""
    baselines_ = {part: _majority(split_counts, part) for part in split_counts}
    return {part: baseline.accuracy if baseline else None for part, baseline in baselines_.items()}


def mean_wilson(shares: Sequence[float], rows: int) -> Interval | None:
    """Wilson's interval of the mean share of several seeds.

    All were measured on the same rows, so together they count as no more rows than one of them.
    """
    return wilson(round(fmean(shares) * rows), rows)


def _selection(spec: dict[str, Any]) -> Selected:
    stopping = spec["training"]["early_stopping"]
    metric = stopping["metric"] if stopping else DEFAULT_METRIC
    return Selected(metric=metric, direction=BY_NAME[metric].direction)


def _seed(row: Any) -> SeedFigures:
    low, high = bounds(wilson(round(row.accuracy * row.rows), row.rows))
    return SeedFigures.model_validate({**row._mapping, "accuracy_low": low, "accuracy_high": high})


def _estimate(selected: Rows, metric: str) -> Estimate | None:
    values = [value for row in selected if (value := getattr(row, metric)) is not None]
    mean = t_interval(values)
    if mean is None:
        return None
    low, high = bounds(mean.interval)
    return Estimate(mean=mean.mean, sd=mean.sd, n=mean.n, low=low, high=high)


def _classes(names: list[str], selected: Rows) -> list[ClassEstimate]:
    return [_class(name, index, selected) for index, name in enumerate(names)]


def _class(name: str, index: int, selected: Rows) -> ClassEstimate:
    support = selected[0].support[index]  # the split has its own seed, so all runs have the same rows
    accuracies = [row.class_accuracy[index] for row in selected] if support else []
    low, high = bounds(mean_wilson(accuracies, support) if accuracies else None)
    return ClassEstimate(
        class_=name,
        index=index,
        support=support,
        accuracy=fmean(accuracies) if accuracies else None,
        accuracy_low=low,
        accuracy_high=high,
    )


def _majority(split_counts: dict[str, list[int]], part: str) -> baselines.Baseline | None:
    """The baseline that predicts the most frequent class in training; None if the part is empty."""
    return _majority_on(tuple(split_counts["train"]), tuple(split_counts[part]))


@lru_cache(maxsize=1000)
def _majority_on(training: tuple[int, ...], part: tuple[int, ...]) -> baselines.Baseline | None:
    """Cached, because every poll that finds a change needs it, and it never changes."""
    return baselines.majority_baseline(np.array(training), np.array(part)) if any(part) else None


def _baselines(plan: dict[str, Any], stored: list[dict[str, Any]]) -> list[Baseline]:
    """The majority baseline, and those that the workers have fitted so far."""
    names, majority = plan["dataset"]["classes"], _majority(plan["split_counts"], "validation")
    fitted = map(baselines.Baseline.from_json, stored)
    return [_baseline(each, names) for each in (majority, *fitted) if each is not None]


def _baseline(baseline: baselines.Baseline, names: list[str]) -> Baseline:
    low, high = bounds(baseline.interval)
    predicted = baseline.predicted_class
    return Baseline(
        name=baseline.name,
        split="validation",
        accuracy=baseline.accuracy,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=baseline.balanced_accuracy,
        predicted_class=None if predicted is None else names[predicted],
    )
