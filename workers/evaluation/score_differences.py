"""Differences of metrics of probabilities on the same rows: how far they would be others on new rows and new seeds.

The probability of the true class is stored of each row. It tells the NLL of the row; with two classes, its Brier
score, and the score that the AUROC ranks, too. So the errors over rows follow without any resampling.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.delong import delong
from workers.evaluation.differences import Difference, mean_and_sd
from workers.evaluation.two_classes import positive_scores
from workers.nn.arrays import Integers

Floats = NDArray[np.float64]
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
"""Stands for a probability that is 0 in single precision."""


def between_scores(
    metric: str, a: Floats, b: Floats, labels: Integers, values_a: Sequence[float], values_b: Sequence[float]
) -> Difference:
    """The difference of a metric of SCORED on new rows of the mean over seeds, and with several seeds, on new seeds.

    a, b: probabilities of the true class (S, N), of the same S seeds in the same order. values: the metric of each,
    as observed. The two errors are those of `paired_bootstrap.between_rows`.
    """
    mean, sd = mean_and_sd(values_a, values_b)
    seeds = len(values_a)
    error, rows = SCORED[metric](a, b, labels), _fewest_rows(metric, labels)
    return Difference(mean, error, (sd or 0.0) / math.sqrt(seeds), seeds - 1, max(rows - 1, 1))


def _fewest_rows(metric: str, labels: Integers) -> int:
    """The rows that the error of a metric rests on: of an AUROC, those of the rarer class."""
    return int(np.bincount(labels, minlength=2).min()) if metric == "auroc" else len(labels)


def is_known(metric: str, classes: int) -> bool:
    """Whether stored probabilities tell a metric of so many classes."""
    return metric in SCORED and (classes == 2 or metric == "nll")


def negative_logs(score: NDArray[np.floating[Any]]) -> Floats:
    """-log of stored probabilities."""
    return np.asarray(-np.log(np.maximum(score.astype(np.float64), SMALLEST)))


def _of_nll(a: Floats, b: Floats, _: Integers) -> float:
    return _error_of_mean(negative_logs(a) - negative_logs(b))


def _of_brier(a: Floats, b: Floats, _: Integers) -> float:
    return _error_of_mean(2 * (1 - a) ** 2 - 2 * (1 - b) ** 2)


def _error_of_mean(differences: Floats) -> float:
    """The standard error over rows of the mean over seeds, from differences (S, N)."""
    return float(np.std(differences.mean(axis=0), ddof=1)) / math.sqrt(differences.shape[1])


def _of_auroc(a: Floats, b: Floats, labels: Integers) -> float:
    """By DeLong's covariance of all models; infinite for a single row of a class."""
    scores = np.stack([positive_scores(labels, each, 1)[0] for each in (*a, *b)])  # type: ignore[arg-type]
    found = delong(scores, labels == 1)
    if found is None:
        return math.inf
    sign = np.repeat([1 / len(a), -1 / len(b)], [len(a), len(b)])
    return math.sqrt(max(float(sign @ found.covariance @ sign), 0.0))


SCORED: Mapping[str, Callable[[Floats, Floats, Integers], float]] = {
    "nll": _of_nll,
    "brier": _of_brier,
    "auroc": _of_auroc,
}
"""The standard error over rows of each metric."""
