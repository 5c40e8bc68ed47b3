"""Summarise an experiment: estimates over its seeds and their intervals, the classes, baselines and findings.

All figures of a seed are those of its *selected* epoch on the validation part, never of each metric at its own best.
Failed seeds are left out, and the findings say so.
"""

from statistics import fmean, stdev
from typing import Any

from service.experiments.findings import Evidence, findings_about
from service.experiments.interval_meanings import meanings
from service.experiments.intervals import Intervals, NoIntervals
from service.experiments.majority import majority_on
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
from workers.evaluation.intervals import wilson
from workers.evaluation.metrics import BY_NAME, SUMMARISED
from workers.spec import DEFAULT_METRIC


def summarise(found: ExperimentDetails, intervals: Intervals | NoIntervals) -> Summary | None:
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
        metrics={metric.name: _estimate(selected, metric.name, intervals) for metric in SUMMARISED},
        classes=_classes(stored.plan["dataset"]["classes"], selected, intervals),
        baselines=_baselines(stored.plan, stored.baselines or []),
    )
    return Summary(
        selection=_selection(stored.spec),
        intervals=meanings(intervals, seeds=len(selected), selected=stored.spec["training"]["epochs"] > 1),
        seeds=[_seed(row) for row in selected],
        metrics=Estimates.model_validate(evidence.metrics),
        classes=evidence.classes,
        baselines=evidence.baselines,
        findings=findings_about(evidence),
    )


def _selection(spec: dict[str, Any]) -> Selected:
    stopping = spec["training"]["early_stopping"]
    metric = stopping["metric"] if stopping else DEFAULT_METRIC
    return Selected(metric=metric, direction=BY_NAME[metric].direction)


def _seed(row: Any) -> SeedFigures:
    low, high = bounds(wilson(round(row.accuracy * row.rows), row.rows))
    return SeedFigures.model_validate({**row._mapping, "accuracy_low": low, "accuracy_high": high})


def _estimate(selected: Rows, metric: str, intervals: Intervals | NoIntervals) -> Estimate | None:
    values = [value for row in selected if (value := getattr(row, metric)) is not None]
    if not values:
        return None
    low, high = intervals.of_metric(metric)
    return Estimate(
        mean=fmean(values),
        sd=stdev(values) if len(values) > 1 else None,
        min=min(values),
        max=max(values),
        n=len(values),
        low=low,
        high=high,
    )


def _classes(names: list[str], selected: Rows, intervals: Intervals | NoIntervals) -> list[ClassEstimate]:
    return [_class(name, index, selected, intervals) for index, name in enumerate(names)]


def _class(name: str, index: int, selected: Rows, intervals: Intervals | NoIntervals) -> ClassEstimate:
    support = selected[0].support[index]  # the split has its own seed, so all runs have the same rows
    accuracies = [row.class_accuracy[index] for row in selected] if support else []
    low, high = intervals.of_class(index)
    return ClassEstimate(
        class_=name,
        index=index,
        support=support,
        accuracy=fmean(accuracies) if accuracies else None,
        accuracy_low=low,
        accuracy_high=high,
    )


def _baselines(plan: dict[str, Any], stored: list[dict[str, Any]]) -> list[Baseline]:
    """The majority baseline, and those that the workers have fitted so far."""
    names, majority = plan["dataset"]["classes"], majority_on(plan["split_counts"], "validation")
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
