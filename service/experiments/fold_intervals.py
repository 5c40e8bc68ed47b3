"""The intervals of a cross-validation from row-level results: what rows and what models have of the variance."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.fold_figures import FoldFigures
from workers.evaluation.fold_variance import RowVariance, RowVariances
from workers.evaluation.influence import influences
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.row_results import RowResults

Ends = tuple[float, float]
"""The lower and the upper end."""
NARROWEST = 1e-6
"""Of the range of a metric, or of an error of its size: less variance than that is rounding of the influences."""


def intervals_of_folds(
    experiment: Row[Any],
    folds: Sequence[FoldFigures],
    runs: Sequence[Row[Any]],
    load: Callable[[Row[Any]], RowResults],
) -> tuple[dict[str, Ends], list[Ends | None]]:
    """The ends of the interval of each metric's mean, and of each class's or bin's.

    runs: those that the folds average, by repeat, fold and seed; load: their row-level results. Left out is a figure
    that these do not tell, or that some fold lacks, and one without any variance.
    """
    variances = _row_variances(experiment, runs, load)
    share = 1 / (experiment.spec["split"]["folds"] - 1)
    metrics = {
        name: ends
        for name, variance in variances.of_metrics().items()
        if (ends := _ends([each.metrics[name] for each in folds], variance, share, _range(name)))
    }
    of_classes = zip(variances.of_classes(), _class_values(folds), strict=True)
    limits = (0.0, float("inf")) if any(folds[0].class_mae) else (0.0, 1.0)
    return metrics, [_ends(values, variance, share, limits) for variance, values in of_classes]


def _row_variances(
    experiment: Row[Any], runs: Sequence[Row[Any]], load: Callable[[Row[Any]], RowResults]
) -> RowVariances:
    dataset: Mapping[str, Any] = experiment.plan["dataset"]
    classes, quantile = len(dataset["classes"]), experiment.spec["loss"].get("quantile", 0.5)
    found = RowVariances(dataset["rows"], classes)
    for _, of_fold in groupby(runs, key=lambda run: (run.repeat, run.fold)):
        results = [load(run) for run in of_fold]
        models = [influences(each, classes, quantile) for each in results]
        found.add(results[0].rows.astype(np.int64), results[0].labels.astype(np.int64), models)
    return found


def _class_values(folds: Sequence[FoldFigures]) -> list[list[float | None]]:
    """The recall of each class in each fold, or the mean absolute error of each bin."""
    of_folds = [
        [
            recall if error is None else error
            for recall, error in zip(each.class_accuracy, each.class_mae, strict=True)
        ]
        for each in folds
    ]
    return [list(of_class) for of_class in zip(*of_folds, strict=True)]


def _ends(
    values: Sequence[float | None], variance: RowVariance | None, share: float, limits: Ends
) -> Ends | None:
    present = [value for value in values if value is not None]
    if variance is None or len(present) < 2:
        return None
    found, width = variance.interval(present, evaluation_share=share), limits[1] - limits[0]
    least = NARROWEST * (width if math.isfinite(width) else max(map(abs, present)))
    return (max(found.low, limits[0]), min(found.high, limits[1])) if found.high - found.low > least else None


def _range(name: str) -> Ends:
    return BY_NAME[name].lowest, BY_NAME[name].highest
