"""Compare all candidates of a sweep with the best: on the same rows by shared draws, or over the same folds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from service.experiments.candidate_rows import CandidateRows
from service.experiments.contenders import Contender
from service.experiments.row_differences import class_counts
from workers.evaluation.bootstrap import METRICS
from workers.evaluation.intervals import Interval, corrected_t_interval, percentile_interval
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
from workers.randomness import generator

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Entrant:
    """A candidate with a value: the mean over its runs. rows: None if it has no row-level results."""

    contender: Contender
    value: float
    rows: CandidateRows | None


@dataclass(frozen=True, eq=False)
class CandidateComparison:
    """The entrants that can be compared with the best, the comparison, and an interval of each entrant's value.

    corrected: the value of the best, corrected for the choice; None for a single candidate, or without rows.
    """

    entrants: Sequence[Entrant]
    against_best: AgainstBest
    intervals: Sequence[Interval | None]
    corrected: CorrectedBest | None


def compare_candidates(entrants: Sequence[Entrant], metric: SelectionMetric) -> CandidateComparison | None:
    """Compare entrants, the best first, with the best; None if nothing can be resampled."""
    best = entrants[0]
    if BY_NAME[metric].without_interval:
        return None
    if best.contender.of_folds:
        return _over_folds(entrants, metric)
    if best.rows is None or (metric not in METRICS and metric not in NUMBER_METRICS):
        return None
    same = [each for each in entrants if each.rows is not None and each.rows.rows == best.rows.rows]
    draws = _draws_of_rows(same, metric).with_noise(_noise(same, metric))
    compared = _compared(same, metric, draws)
    intervals = [
        _within_range(_around(percentile_interval(drawn), each.value), metric)
        for drawn, each in zip((draws.first + draws.second) / 2, same, strict=True)
    ]
    return CandidateComparison(same, compared, intervals, _corrected(same, metric))


def _over_folds(entrants: Sequence[Entrant], metric: SelectionMetric) -> CandidateComparison | None:
    means = {id(each): _fold_means(each.contender, metric) for each in entrants}
    folds = sorted(means[id(entrants[0])])
    if len(folds) < 2:
        return None
    same = [each for each in entrants if sorted(means[id(each)]) == folds and _same_rows(each, entrants[0])]
    values = np.array([[means[id(each)][fold] for fold in folds] for each in same])
    share = 1 / (entrants[0].contender.spec["split"]["folds"] - 1)
    stream, better = generator(0, "comparisons"), _larger_is_better(metric)
    compared = against_best_over_folds(values, share, stream, larger_is_better=better)
    of_folds = (_of_folds(each, share) for each in values.tolist())
    intervals = [each and _within_range(each, metric) for each in of_folds]
    resampled = metric in METRICS or metric in NUMBER_METRICS
    with_rows = [each for each in same if each.rows is not None]
    corrected = _corrected(with_rows, metric) if resampled and with_rows == same else None
    return CandidateComparison(same, compared, intervals, corrected)


def _compared(same: Sequence[Entrant], metric: SelectionMetric, draws: SharedDraws) -> AgainstBest:
    values = np.array([each.value for each in same])
    return against_best(values if _larger_is_better(metric) else -values, draws)


def _same_rows(a: Entrant, b: Entrant) -> bool:
    return a.rows is None or b.rows is None or a.rows.rows == b.rows.rows


def _fold_means(of: Contender, metric: SelectionMetric) -> dict[tuple[int, int], float]:
    by_fold: dict[tuple[int, int], list[float]] = defaultdict(list)
    for run in of.figures:
        value = of.value(metric, run)
        if value is not None:
            by_fold[run.repeat, run.fold].append(value)
    return {fold: fmean(values) for fold, values in by_fold.items()}


def _of_folds(values: Sequence[float], share: float) -> Interval | None:
    found = corrected_t_interval(values, evaluation_share=share)
    return found[1] if found else None


def _draws_of_rows(same: Sequence[Entrant], metric: SelectionMetric) -> SharedDraws:
    """The metric of each entrant under the same draws of rows, means over its seeds."""
    first = same[0]
    rows = [each.rows for each in same if each.rows is not None]
    labels, classes = rows[0].labels, len(first.contender.dataset["classes"])
    stream, counts = generator(0, "comparisons"), class_counts(first.contender)
    if rows[0].targets is not None:
        drawn = resample_numbers(
            [each.predictions for each in rows],
            rows[0].targets,
            labels,
            metric,
            stream,
            count=classes,
            bin_counts=counts,
            quantiles=[_quantile(each.contender) for each in same if each.rows is not None],
        )
        means = np.stack([each.mean(axis=1) for each in drawn])
        return SharedDraws(means, means)
    stacks = StackedErrors.of([each.predictions for each in rows], labels, classes)
    errors = [each.errors for each in stacks]
    resampled = resample_changes(errors, labels, metric, stream, classes=classes, class_counts=counts)

    def means_of(place: str) -> Floats:
        drawn = (
            seeds
            for stack, each in zip(stacks, resampled, strict=True)
            for seeds in stack.split(getattr(each, place).T)
        )
        return np.stack([each.mean(axis=0) for each in drawn])

    return SharedDraws(means_of("first"), means_of("second"))


def _noise(same: Sequence[Entrant], metric: SelectionMetric) -> Floats:
    values = [
        [value for run in each.contender.figures if (value := each.contender.value(metric, run)) is not None]
        for each in same
    ]
    seeds = np.array([len(each) for each in values])
    spreads = np.array([np.std(each, ddof=1) if len(each) > 1 else 0.0 for each in values])
    return noise_of_seeds(spreads, seeds, generator(0, "sweeps", 1))


def _corrected(same: Sequence[Entrant], metric: SelectionMetric) -> CorrectedBest | None:
    """The value of the first entrant, corrected for the choice among all of them."""
    if len(same) < 2:
        return None
    first, rows = same[0].contender, [each.rows for each in same if each.rows is not None]
    labels, targets, classes = rows[0].labels, rows[0].targets, len(first.dataset["classes"])
    predictions = [each.predictions for each in rows]
    measured: Classified | Predicted
    if targets is None:
        errors = StackedErrors.of(predictions, labels, classes)
        measured = Classified(errors, labels, metric, classes=classes)
    else:
        quantile = _quantile(first)
        measured = Predicted(predictions, targets, labels, metric, classes=classes, quantile=quantile)
    return corrected_best(
        measured,
        0,
        generator(0, "sweeps", 2),
        larger_is_better=_larger_is_better(metric),
        stratify=bool(first.spec["split"]["stratify"]),
    )


def _quantile(of: Contender) -> float:
    quantile: float = of.spec["loss"].get("quantile", 0.5)
    return quantile


def _larger_is_better(metric: SelectionMetric) -> bool:
    return BY_NAME[metric].direction == "max"


def _around(interval: Interval, value: float) -> Interval:
    return Interval(min(interval.low, value), max(interval.high, value), interval.level)


def _within_range(interval: Interval, metric: SelectionMetric) -> Interval:
    """The part of an interval in which the metric can be: the noise of few seeds reaches beyond it."""
    low, high = BY_NAME[metric].lowest, BY_NAME[metric].highest
    return Interval(max(low, interval.low), min(high, interval.high), interval.level)
