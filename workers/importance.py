"""Permutation importance of the features of stored models, over runs and repeats, with intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.data.feature_groups import FeatureGroup
from workers.evaluation.intervals import LEVEL, corrected_t_interval
from workers.evaluation.permutation_importance import permutation_drops
from workers.evaluation.student import student_t_quantile
from workers.nn.arrays import Array, Integers
from workers.randomness import generator

Floats = NDArray[np.float64]
PARTS = 10
"""Parts of the rows, each of which the jackknife leaves out once."""


class Score(Protocol):
    """The metric of rows and of parts of them, as `ModelScoring.values`."""

    def __call__(self, features: Any, parts: Sequence[Integers]) -> Floats: ...


@dataclass(frozen=True, eq=False)
class MeasuredRows:
    """Rows (n, d) that some runs are measured on: those of one fold, or all runs if there is one split.

    labels: (n,), by which the parts of the jackknife are stratified. scores: one for each run.
    """

    features: Array | Integers
    labels: Integers
    scores: Sequence[Score]


@dataclass(frozen=True, eq=False)
class Importances:
    """Of each group (G,); NaN where there is no value.

    mean: how much worse the metric becomes, over all runs and repeats. run_sd: the standard deviation between runs;
    repeat_sd: between the repeats of a run. low, high: the 95 % interval of the mean. scores: the metric of each run
    on the rows as they are.
    """

    mean: Floats
    run_sd: Floats
    repeat_sd: Floats
    low: Floats
    high: Floats
    scores: list[float]


def importances(
    folds: Sequence[MeasuredRows],
    groups: Sequence[FeatureGroup],
    *,
    repeats: int,
    larger_is_better: bool,
    evaluation_share: float,
) -> Importances:
    """Measure each group of features by `repeats` permutations for each run; a run has its own permutations.

    evaluation_share: of a cross-validation, the number of evaluation rows for each other open row.
    """
    sign = 1.0 if larger_is_better else -1.0
    measured = [_measure(fold, groups, repeats, sign, index) for index, fold in enumerate(folds)]
    runs = np.concatenate([fold.drops[..., 0] for fold in measured])  # (runs, groups, repeats)
    of_runs = runs.mean(axis=2)
    if len(folds) > 1:
        low, high = _of_folds([fold.drops[..., 0].mean(axis=(0, 2)) for fold in measured], evaluation_share)
    else:
        low, high = _of_one_split(measured[0].drops)
    return Importances(
        mean=of_runs.mean(axis=0),
        run_sd=_sd(of_runs, 0),
        repeat_sd=np.sqrt((_sd(runs, 2) ** 2).mean(axis=0)),
        low=low,
        high=high,
        scores=[score for fold in measured for score in fold.scores],
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """drops: (runs, groups, repeats, 1 + parts), the last axis as `ModelScoring.values` has it."""

    drops: Floats
    scores: list[float]


def _measure(
    fold: MeasuredRows, groups: Sequence[FeatureGroup], repeats: int, sign: float, index: int
) -> _Measured:
    rows = len(fold.labels)
    parts = _parts_without(fold.labels)
    columns = [group.features for group in groups]
    drops, scores = [], []
    for run, score in enumerate(fold.scores):
        stream = generator(index, "importance", run)
        orders = [stream.permutation(rows) for _ in range(repeats)]
        drops.append(sign * permutation_drops(partial(score, parts=parts), fold.features, orders, columns))
        scores.append(float(score(fold.features, [])[0]))
    return _Measured(np.stack(drops), scores)


def _parts_without(labels: Integers) -> list[Integers]:
    """The rows without each of PARTS parts, which have about equally many rows of every label."""
    part = np.empty(len(labels), np.int64)
    part[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % PARTS
    return [np.flatnonzero(part != index) for index in range(PARTS)]


def _of_one_split(drops: Floats) -> tuple[Floats, Floats]:
    """The interval of the mean of these models over new rows and new permutations.

    The variance is the jackknife's, which leaves out a part of the rows at a time, plus that of the permutations
    within the runs. Satterthwaite's degrees of freedom. Source: Shao & Wu 1989, A general theory for jackknife
    variance estimation.
    """
    runs, _, repeats, _ = drops.shape
    means = drops.mean(axis=(0, 2))  # (groups, 1 + parts)
    of_rows = (PARTS - 1) * means[:, 1:].var(axis=1)
    within = np.nan_to_num(_sd(drops[..., 0], 2) ** 2).mean(axis=0)
    of_orders, freedom = within / (runs * repeats), runs * max(1, repeats - 1)
    variance = of_rows + of_orders
    scatter = of_rows**2 / (PARTS - 1) + of_orders**2 / freedom
    degrees = np.divide(variance**2, scatter, out=np.full_like(variance, PARTS - 1), where=scatter > 0)
    quantiles = np.array([student_t_quantile(each, 0.5 + LEVEL / 2) for each in degrees.tolist()])
    half = quantiles * np.sqrt(variance)
    return means[:, 0] - half, means[:, 0] + half


def _of_folds(values: Sequence[Floats], evaluation_share: float) -> tuple[Floats, Floats]:
    """The corrected t interval of the means of folds, each (G,)."""
    ends = [
        corrected_t_interval(of_group, evaluation_share=evaluation_share)
        for of_group in np.stack(values, axis=1).tolist()
    ]
    pairs = [(math.nan, math.nan) if each is None else (each[1].low, each[1].high) for each in ends]
    low, high = np.array(pairs, np.float64).T
    return low, high


def _sd(values: Floats, axis: int) -> Floats:
    """The standard deviation (ddof 1) along an axis; NaN of a single value."""
    if values.shape[axis] < 2:
        return np.full(np.delete(values.shape, axis), np.nan)
    deviation: Floats = values.std(axis=axis, ddof=1)
    return deviation
