"""Compare the candidates of a sweep with the best: on the same rows by shared draws, or over the same folds.

All arguments are arrays and plain values, so that another process can do it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import METRICS
from workers.evaluation.intervals import (
    LEVEL,
    Interval,
    corrected_t_interval,
    few_rows_stretch,
    percentile_interval,
)
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.multiple_comparisons import (
    AgainstBest,
    SharedDraws,
    against_best,
    against_best_over_folds,
    noise_of_seeds,
)
from workers.evaluation.paired_bootstrap import resample_changes
from workers.evaluation.regression_bootstrap import NUMBER_METRICS, resample_numbers
from workers.evaluation.selection import SelectionMetric
from workers.evaluation.selection_bias import Classified, CorrectedBest, Predicted, corrected_best
from workers.evaluation.stacked_errors import StackedErrors
from workers.nn.arrays import Integers
from workers.randomness import generator

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CandidatePredictions:
    """What m candidates predicted for the same N rows: of each (S, N), classes or, in a regression, numbers.

    labels: (N,), of classes, or of bins of the targets, in [0, classes). targets: (N,); None in a classification.
    class_counts: as for `two_way_bootstrap`. stratify: whether as many rows of each class are drawn as there are.
    quantiles: of each candidate, the one that a quantile loss predicts.
    """

    predictions: Sequence[NDArray[Any]]
    labels: Integers
    targets: Floats | None
    classes: int
    class_counts: Integers | None
    stratify: bool
    quantiles: Sequence[float]


@dataclass(frozen=True, eq=False)
class ComparedCandidates:
    """The candidates against the best of them, and an interval of each one's value.

    corrected: the value of the best, corrected for the choice; None for a single candidate, or without predictions.
    """

    against_best: AgainstBest
    intervals: Sequence[Interval | None]
    corrected: CorrectedBest | None


def can_be_resampled(metric: SelectionMetric) -> bool:
    """Whether a metric can be computed anew from weighted rows."""
    return metric in METRICS or metric in NUMBER_METRICS


def compare_on_rows(
    values: Sequence[Sequence[float]], predicted: CandidatePredictions, metric: SelectionMetric
) -> ComparedCandidates:
    """Compare candidates on the same rows. values: of each candidate, one of each seed; the first is the best."""
    means = np.array([fmean(each) for each in values])
    draws = _draws(predicted, metric).with_noise(_noise(values))
    larger = _larger_is_better(metric)
    intervals = [
        _within_range(_around(percentile_interval(drawn), mean), metric)
        for drawn, mean in zip((draws.first + draws.second) / 2, means.tolist(), strict=True)
    ]
    compared = against_best(means if larger else -means, draws)
    return ComparedCandidates(compared, intervals, _corrected(predicted, metric))


def compare_over_folds(
    values: Floats, evaluation_share: float, predicted: CandidatePredictions | None, metric: SelectionMetric
) -> ComparedCandidates:
    """Compare candidates over the same folds. values: (m, J); evaluation_share: n_eval / n_train.

    predicted: None if there is none of some candidate; then nothing is corrected for the choice.
    """
    stream, better = generator(0, "comparisons"), _larger_is_better(metric)
    compared = against_best_over_folds(values, evaluation_share, stream, larger_is_better=better)
    of_folds = [corrected_t_interval(each, evaluation_share=evaluation_share) for each in values.tolist()]
    intervals = [found and _within_range(found[1], metric) for found in of_folds]
    corrected = _corrected(predicted, metric) if predicted and can_be_resampled(metric) else None
    return ComparedCandidates(compared, intervals, corrected)


def _draws(of: CandidatePredictions, metric: SelectionMetric) -> SharedDraws:
    """The metric of each candidate under the same draws of rows, means over its seeds."""
    stream = generator(0, "comparisons")
    if of.targets is not None:
        drawn = resample_numbers(
            of.predictions,
            of.targets,
            of.labels,
            metric,
            stream,
            count=of.classes,
            bin_counts=of.class_counts,
            quantiles=of.quantiles,
        )
        means = np.stack([each.mean(axis=1) for each in drawn])
        centres = means.mean(axis=1, keepdims=True)
        pairs = max(1, math.comb(len(means), 2))
        stretched = centres + few_rows_stretch(len(of.labels), 1 - (1 - LEVEL) / pairs) * (means - centres)
        return SharedDraws(stretched, stretched)
    stacks = StackedErrors.of(of.predictions, of.labels, of.classes)
    errors = [each.errors for each in stacks]
    resampled = resample_changes(
        errors, of.labels, metric, stream, classes=of.classes, class_counts=of.class_counts
    )

    def means_of(place: str) -> Floats:
        drawn = (
            seeds
            for stack, each in zip(stacks, resampled, strict=True)
            for seeds in stack.split(getattr(each, place).T)
        )
        return np.stack([each.mean(axis=0) for each in drawn])

    return SharedDraws(means_of("first"), means_of("second"))


def _noise(values: Sequence[Sequence[float]]) -> Floats:
    seeds = np.array([len(each) for each in values])
    spreads = np.array([np.std(each, ddof=1) if len(each) > 1 else 0.0 for each in values])
    return noise_of_seeds(spreads, seeds, generator(0, "sweeps", 1))


def _corrected(of: CandidatePredictions, metric: SelectionMetric) -> CorrectedBest | None:
    """The value of the first candidate, corrected for the choice among all of them."""
    if len(of.predictions) < 2:
        return None
    measured: Classified | Predicted
    if of.targets is None:
        errors = StackedErrors.of(of.predictions, of.labels, of.classes)
        measured = Classified(errors, of.labels, metric, classes=of.classes)
    else:
        measured = Predicted(
            of.predictions, of.targets, of.labels, metric, classes=of.classes, quantile=of.quantiles[0]
        )
    stream, better = generator(0, "sweeps", 2), _larger_is_better(metric)
    return corrected_best(measured, 0, stream, larger_is_better=better, stratify=of.stratify)


def _larger_is_better(metric: SelectionMetric) -> bool:
    return BY_NAME[metric].direction == "max"


def _around(interval: Interval, value: float) -> Interval:
    return Interval(min(interval.low, value), max(interval.high, value), interval.level)


def _within_range(interval: Interval, metric: SelectionMetric) -> Interval:
    """The part of an interval in which the metric can be: the noise of few seeds reaches beyond it."""
    low, high = BY_NAME[metric].lowest, BY_NAME[metric].highest
    return Interval(max(low, interval.low), min(high, interval.high), interval.level)
