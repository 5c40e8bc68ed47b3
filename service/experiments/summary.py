"""Summarise an experiment: estimates over its seeds and their intervals, the classes, baselines and findings.

All figures of a run are those of its *selected* epoch, never of each metric at its own best: on the validation part,
or on the evaluation part of its fold. Failed runs are left out, and the findings say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from service.experiments.baseline_figures import baseline_figures
from service.experiments.findings import Evidence, findings_about
from service.experiments.fold_baselines import averaged_baselines
from service.experiments.fold_estimates import FoldIntervals
from service.experiments.fold_figures import by_fold, mean
from service.experiments.interval_meanings import meanings, meanings_of_folds, missing_of_folds
from service.experiments.intervals import NOT_COMPUTED, Intervals, NoIntervals
from service.experiments.majority import majority_on, open_counts
from service.schemas.base import share_bounds
from service.schemas.summary import (
    Baseline,
    ClassEstimate,
    Estimate,
    Estimates,
    IntervalMeaning,
    SeedFigures,
    Selected,
    Summary,
)
from service.store.experiment_reader import ExperimentDetails
from service.store.spec_facts import is_of_folds, is_regression, measured_part, selection_metric
from service.store.tables import Rows
from workers.data.far_rows import FarRows
from workers.evaluation import baselines
from workers.evaluation.intervals import standard_deviation
from workers.evaluation.metrics import BY_NAME, SUMMARISED


def summarise(found: ExperimentDetails, intervals: Intervals | NoIntervals) -> Summary | None:
    """The summary of an experiment; None until a run has selected an epoch without failing."""
    selected = [row for row in found.selected if row.status != "failed"]
    if not selected:
        return None
    stored = found.experiment
    measured = (
        _over_folds(found, selected, intervals)
        if is_of_folds(stored.spec)
        else _over_seeds(found, selected, intervals)
    )
    evidence = Evidence(
        spec=stored.spec,
        split_counts=stored.plan["split_counts"],
        repeated_rows=stored.plan.get("repeated_rows") or {},
        gaps=stored.plan.get("gaps") or [],
        image_shape=stored.plan["dataset"]["shape"],
        far_rows=_far_rows(found),
        runs=found.runs,
        slopes=found.slopes,
        selected=selected,
        computations=found.computations,
        metrics={metric.name: _estimate(measured, metric.name) for metric in SUMMARISED},
        classes=_classes(stored.plan["dataset"]["classes"], measured),
        baselines=measured.baselines,
    )
    return Summary(
        split=measured_part(stored.spec),
        selection=_selection(stored.spec),
        intervals=measured.meanings,
        seeds=[_seed(row) for row in selected],
        metrics=Estimates.model_validate(evidence.metrics),
        classes=evidence.classes,
        baselines=evidence.baselines,
        findings=findings_about(evidence),
    )


@dataclass(frozen=True, eq=False)
class Averaged:
    """What the estimates are over, each with its metrics and `class_accuracy`: seeds, or folds.

    support: rows of each class (K,) in the measured part, or in those of all folds of a repeat.
    """

    units: Sequence[Any]
    support: Sequence[int]
    intervals: Intervals | NoIntervals | FoldIntervals
    meanings: list[IntervalMeaning]
    baselines: list[Baseline]


def _over_seeds(found: ExperimentDetails, selected: Rows, intervals: Intervals | NoIntervals) -> Averaged:
    stored = found.experiment
    return Averaged(
        selected,
        selected[0].support,  # the split has its own seed, so all runs have the same rows
        intervals,
        meanings(
            intervals,
            seeds=len(selected),
            selected=stored.spec["training"]["epochs"] > 1,
            has_shares=not is_regression(stored.spec),
        ),
        _baselines(stored.plan, stored.baselines or []),
    )


def _over_folds(found: ExperimentDetails, selected: Rows, from_rows: Intervals | NoIntervals) -> Averaged:
    """Seeds are averaged within their fold. There are no intervals before the experiment has ended."""
    stored, folds = found.experiment, by_fold(selected)
    missing = missing_of_folds(stored.status, len(folds)) or (
        NOT_COMPUTED if from_rows is NOT_COMPUTED else None
    )
    share = 1 / (stored.spec["split"]["folds"] - 1)
    intervals = FoldIntervals(folds, share, from_rows if isinstance(from_rows, Intervals) else None)
    return Averaged(
        folds,
        open_counts(stored.plan),
        missing or intervals,
        meanings_of_folds(missing, intervals.from_rows, folds, has_shares=not is_regression(stored.spec)),
        averaged_baselines(stored.plan, found.runs, folds, None if missing else intervals),
    )


def _far_rows(found: ExperimentDetails) -> FarRows | None:
    """The measured rows far outside of training; in a cross-validation, those of the fold with the most."""
    stored = [found.experiment.baselines or [], *(run.baselines or [] for run in found.runs)]
    far = [FarRows(**each["far_rows"]) for fitted in stored for each in fitted if each.get("far_rows")]
    return max(far, key=lambda each: each.rows, default=None)


def _selection(spec: dict[str, Any]) -> Selected:
    metric = selection_metric(spec)
    return Selected(metric=metric, direction=BY_NAME[metric].direction)


def _seed(row: Any) -> SeedFigures:
    low, high = (None, None) if row.accuracy is None else share_bounds(row.accuracy, row.rows)
    return SeedFigures.model_validate({**row._mapping, "accuracy_low": low, "accuracy_high": high})


def _estimate(measured: Averaged, metric: str) -> Estimate | None:
    values = [value for unit in measured.units if (value := getattr(unit, metric)) is not None]
    if not values:
        return None
    average, (low, high) = fmean(values), measured.intervals.of_metric(metric)
    return Estimate(
        mean=average,
        sd=standard_deviation(values, average) if len(values) > 1 else None,
        min=min(values),
        max=max(values),
        n=len(values),
        low=low,
        high=high,
    )


def _classes(names: list[str], measured: Averaged) -> list[ClassEstimate]:
    return [_class(name, index, measured) for index, name in enumerate(names)]


def _class(name: str, index: int, measured: Averaged) -> ClassEstimate:
    accuracy, mae = (
        mean([values[index] if values else None for values in of_units])
        for of_units in zip(*((unit.class_accuracy, unit.class_mae) for unit in measured.units), strict=True)
    )
    low, high = measured.intervals.of_class(index)
    figure = "accuracy" if mae is None else "mae"
    nothing = dict.fromkeys(("accuracy_low", "accuracy_high"))
    return ClassEstimate.model_validate(
        {"class_": name, "index": index, "support": measured.support[index], "accuracy": accuracy, "mae": mae}
        | nothing
        | {f"{figure}_low": low, f"{figure}_high": high}
    )


def _baselines(plan: dict[str, Any], stored: list[dict[str, Any]]) -> list[Baseline]:
    """The majority baseline, and those that the workers have fitted so far."""
    counts, names = plan["split_counts"], plan["dataset"]["classes"]
    fitted = map(baselines.Baseline.from_json, stored)
    found = fitted if is_regression(plan) else (majority_on(counts, "validation"), *fitted)
    return [baseline_figures(each, names, counts["validation"]) for each in found if each is not None]
