"""Turn what is stored of experiments into the figures of charts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.charts.classes import ClassBar, ClassesFigure
from service.charts.confusion import ConfusionFigure
from service.charts.curves import Curve, CurvesFigure, Point
from service.charts.forest import ForestFigure, ForestRow
from service.charts.reliability import Bin, CalibratedRun, ReliabilityFigure
from service.charts.robustness import HeatCell, HeatRow, RobustnessFigure
from service.charts.score_curves import ScoreCurve, ScoreCurvesFigure
from service.figure_text import figure_text
from service.schemas.comparisons import Comparison, Comparisons
from service.schemas.curves import Curves, Reliability
from service.schemas.importance import Importance
from service.schemas.robustness import CorruptedRows, RobustnessJob, RobustnessReport
from service.schemas.summary import Baseline, Summary
from service.store.epochs.curve_reader import AveragedEpochs
from service.store.run_keys import RunKey, are_of_folds, name_of_run
from service.store.spec_facts import is_regression
from service.store.tables import FINAL_STATUSES
from workers.evaluation.metrics import range_of
from workers.evaluation.metrics.titles import heading
from workers.range_text import range_text
from workers.spec import ExperimentSpec

MOST_COLUMNS = 40
"""Of the chart of importance."""
ACCURACY = ("accuracy", "accuracy_low", "accuracy_high")
OPTIMISATION = ("learning_rate", "gradient_norm")
"""Columns of epochs that are no metrics: they have no baseline."""


def name_of(experiment: Row[Any]) -> str:
    """`digits-focal (3)`; an experiment without a name is called by its data set."""
    return f"{experiment.name or experiment.dataset} ({experiment.id})"


def selection_metric(experiment: Row[Any]) -> str:
    """The metric by which the experiment selects epochs."""
    metric: str = ExperimentSpec.model_validate(experiment.spec).selection_metric
    return metric


def curves_figure(
    experiment: Row[Any],
    runs: Sequence[Row[Any]],
    summary: Summary | None,
    metric: str,
    points: Iterable[AveragedEpochs],
) -> CurvesFigure:
    """Training and validation, and the baselines that were measured by the same metric."""
    by_split: dict[str, list[Point]] = {"train": [], "validation": []}
    for each in points:
        by_split[each.split].append(Point(each.epoch, each.mean, each.low, each.high))
    lowest, highest = range_of(metric)
    return CurvesFigure(
        title=heading(metric),
        subtitle=f"{name_of(experiment)}: mean of {_runs(len(runs))}",
        metric=metric,
        lowest=lowest,
        highest=highest,
        epochs=max((run.epoch if run.status in FINAL_STATUSES else run.epochs for run in runs), default=1)
        or 1,
        runs=len(runs),
        curves=[Curve("validation", 0, by_split["validation"]), Curve("training", 1, by_split["train"])],
        selected=[run.best_epoch for run in runs if run.best_epoch is not None],
        levels=_levels(summary, metric),
    )


def classes_figure(experiment: Row[Any], summary: Summary | None) -> ClassesFigure:
    """The recall of each class, or the error of each bin of a regression, beside the last of the baselines."""
    baseline = summary.baselines[-1] if summary and summary.baselines else None
    of_numbers = is_regression(experiment.plan)
    value, low, high = ("mae", "mae_low", "mae_high") if of_numbers else ACCURACY
    reached = {each.class_: getattr(each, value) for each in baseline.classes} if baseline else {}
    bars = [
        ClassBar(
            range_text(each.class_) if of_numbers else each.class_,
            *(each.support, getattr(each, value), getattr(each, low), getattr(each, high)),
            reached.get(each.class_),
        )
        for each in (summary.classes if summary else ())
    ]
    part = summary.split if summary else "validation"
    what = "mean absolute error" if of_numbers else "recall"
    runs = f", mean of {_runs(len(summary.seeds))}" if summary and bars else ""
    intervals = ", 95 % intervals" if any(each.low is not None for each in bars) else ""
    return ClassesFigure(
        title="Error of each range of the target" if of_numbers else "Accuracy of each class",
        subtitle=f"{name_of(experiment)}: {what} on the {part} part{runs}{intervals}",
        baseline=baseline.name.replace("_", " ") if baseline and reached else None,
        bars=bars,
        highest=None if of_numbers else 1.0,
    )


def confusion_figure(experiment: Row[Any], rows: Sequence[Row[Any]], split: str) -> ConfusionFigure:
    """The matrices of all runs added up, at their selected epochs."""
    classes = experiment.plan["dataset"]["classes"]
    total = np.zeros((len(classes), len(classes)), np.int64)
    for row in rows:
        total += np.array(row.confusion, np.int64)
    return ConfusionFigure(
        title="Confusion matrix",
        subtitle=f"{name_of(experiment)}: {split} part at the selected epoch, {_runs(len(rows))} together; "
        "shade: share of the true class",
        classes=classes,
        matrix=total,
    )


def roc_figure(experiment: Row[Any], curves: Curves) -> ScoreCurvesFigure:
    """The true positive rate over the false positive rate."""
    points = _points(curves, lambda item: (item.false_positive_rate, item.recall))
    return ScoreCurvesFigure(
        title="ROC curve",
        subtitle=f"{name_of(experiment)}: finding '{curves.positive}' at the selected epoch",
        x_title="false positive rate",
        y_title="true positive rate",
        area="AUROC",
        guessing=((0.0, 0.0), (1.0, 1.0)),
        curves=[
            ScoreCurve(name, points[RunKey.of(run)], run.auroc, run.auroc_low, run.auroc_high)
            for name, run in _named(curves.runs)
        ],
    )


def precision_recall_figure(experiment: Row[Any], curves: Curves) -> ScoreCurvesFigure:
    """The precision over the recall."""
    points = _points(curves, lambda item: (item.recall, item.precision))
    share = curves.runs[0].positive_share if curves.runs else 0.0
    return ScoreCurvesFigure(
        title="Precision and recall",
        subtitle=f"{name_of(experiment)}: finding '{curves.positive}' at the selected epoch",
        x_title="recall",
        y_title="precision",
        area="average precision",
        guessing=((0.0, share), (1.0, share)),
        curves=[
            ScoreCurve(name, points[RunKey.of(run)], run.average_precision)
            for name, run in _named(curves.runs)
        ],
    )


def reliability_figure(experiment: Row[Any], found: Reliability) -> ReliabilityFigure:
    """The bins of each run."""
    bins: dict[RunKey, list[Bin]] = {RunKey.of(run): [] for run in found.runs}
    for item in found.items:
        bins[RunKey.of(item)].append(Bin(item.low, item.high, item.rows, item.confidence, item.accuracy))
    return ReliabilityFigure(
        title="Reliability",
        subtitle=f"{name_of(experiment)}: each run at its selected epoch",
        runs=[CalibratedRun(name, run.ece, bins[RunKey.of(run)]) for name, run in _named(found.runs)],
    )


def forest_figure(compared: Comparisons, titles: Mapping[int, str]) -> ForestFigure:
    """The difference of each pair."""
    better = "larger is better" if compared.direction == "max" else "smaller is better"
    return ForestFigure(
        title="Differences between experiments",
        subtitle=f"{compared.metric.replace('_', ' ')} on the {compared.split} part, {better}; "
        f"intervals cover together at {compared.level:.0%}",
        axis=f"difference of {compared.metric.replace('_', ' ')}",
        rows=[_difference(each, titles) for each in compared.items],
    )


def _difference(each: Comparison, titles: Mapping[int, str]) -> ForestRow:
    name = f"{titles[each.a]} − {titles[each.b]}"
    return ForestRow(name, each.difference, each.low, each.high, each.finding.code.replace("_", " "))


def importance_figure(found: Importance) -> ForestFigure:
    """The most important columns."""
    metric, shown = found.metric.replace("_", " "), found.items[:MOST_COLUMNS]
    of_all = (
        f"the {len(shown)} most important of {len(found.items):,}" if len(shown) < len(found.items) else "all"
    )
    what = "regions" if shown and shown[0].kind == "region" else "columns"
    return ForestFigure(
        title="Importance of the regions" if what == "regions" else "Importance of the columns",
        subtitle=f"how much worse {metric} on the {found.split} part becomes when a column is permuted: {of_all} "
        f"{what}, mean of {_runs(len(found.runs))} x {found.repeats}, with 95 % intervals",
        axis=f"loss of {metric}" if found.direction == "max" else f"rise of {metric}",
        rows=[ForestRow(each.column, each.importance, each.low, each.high, "no value") for each in shown],
    )


def robustness_figure(experiment: Row[Any], found: RobustnessJob) -> RobustnessFigure:
    """The metric that selects epochs, or the balanced accuracy, under each corruption."""
    report = found.report
    if report is None:
        progress = found.progress
        message = f"{found.status}: {progress.done} of {progress.total or '?'} steps are done"
        return RobustnessFigure("Robustness", name_of(experiment), [], message)
    metric = report.clean.figures[-1].metric
    clean, rows = report.clean.figures[-1].value, f"{report.rows:,} rows"
    return RobustnessFigure(
        title="Robustness",
        subtitle=f"{name_of(experiment)}: {metric.replace('_', ' ')} on corrupted rows, mean of "
        f"{_runs(len(report.runs))} on {rows}; {figure_text(clean)} as they are; shade: share that is lost",
        rows=[_heat_row(report, mean, clean) for mean in report.means],
    )


def _heat_row(report: RobustnessReport, mean: CorruptedRows, clean: float) -> HeatRow:
    cells = [_heat_cell(each, clean) for each in report.items if each.corruption == mean.corruption]
    return HeatRow((mean.corruption or "").replace("_", " "), cells, _heat_cell(mean, clean))


def _heat_cell(rows: CorruptedRows, clean: float) -> HeatCell:
    figure = rows.figures[-1]
    lost = (figure.drop or 0.0) / abs(clean) if clean else 0.0
    return HeatCell(figure.value, min(1.0, max(0.0, lost)))


def _levels(summary: Summary | None, metric: str) -> list[tuple[str, float]]:
    baselines: Sequence[Baseline] = summary.baselines if summary else ()
    if metric in OPTIMISATION:
        return []
    found = [(each.name.replace("_", " "), getattr(each.metrics, metric, None)) for each in baselines]
    return [(name, value) for name, value in found if value is not None]


def _named(runs: Sequence[Any]) -> list[tuple[str, Any]]:
    of_folds = are_of_folds(map(RunKey.of, runs))
    return [(name_of_run(RunKey.of(run), of_folds=of_folds), run) for run in runs]


def _points(curves: Curves, place: Any) -> dict[RunKey, list[tuple[float, float]]]:
    points: dict[RunKey, list[tuple[float, float]]] = {RunKey.of(run): [] for run in curves.runs}
    for item in curves.items:
        points[RunKey.of(item)].append(place(item))
    return points


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
