"""Influence of each row on each metric of one model: what the metric gains for the weight that the row gains.

A metric is a function F of the distribution of rows. The influence of a row is the derivative of F((1 - h) P + h row)
at h = 0. Influences add up to 0, and the sum of their squares over n^2 is the variance of F over new rows.
Source: Hampel 1974; as an estimate of the variance: Jaeckel 1972, the infinitesimal jackknife.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import METRICS, WeightedMargins
from workers.evaluation.delong import midranks
from workers.evaluation.row_results import TOP, RowResults, Singles
from workers.evaluation.score_differences import negative_logs
from workers.evaluation.two_classes import positive_scores
from workers.nn.arrays import Integers

Floats = NDArray[np.float64]
STEP = 1e-6
"""Of the numerical derivative, as a share of all weight."""
BLOCK_CELLS = 1_000_000
"""Margins at a time: bounds memory."""


@dataclass(frozen=True, eq=False)
class Influences:
    """Of the rows on one model's metrics, and on the recall of their own class or MAE of their own bin; each (n,)."""

    metrics: Mapping[str, Floats]
    own_class: Floats


def influences(results: RowResults, classes: int, quantile: float = 0.5) -> Influences:
    """On every metric with intervals that row-level results tell.

    classes: or bins of a regression. quantile: that of pinball.
    """
    labels = results.labels.astype(np.int64)
    if results.prediction is not None and results.targets is not None:
        errors = results.prediction - results.targets
        found = dict(_of_errors(errors, results.targets, quantile))
        return Influences(found | _of_loss(results), _within(np.abs(errors), labels, classes))
    predicted = results.predicted.astype(np.int64)
    right = predicted == labels
    found = dict(_of_confusion(labels, predicted, classes)) | _of_loss(results)
    if results.place is not None:
        found |= {f"top_{k}_accuracy": _of_mean(results.place < k) for k in TOP if k < classes}
    if results.score is not None:
        found |= _of_scores(results, results.score, classes)
    return Influences(found, _within(right, labels, classes))


def _of_mean(values: NDArray[Any]) -> Floats:
    return np.asarray(values - values.mean())


def _of_loss(results: RowResults) -> dict[str, Floats]:
    return {} if results.loss is None else {"loss": _of_mean(results.loss.astype(np.float64))}


def _within(values: NDArray[Any], labels: Integers, classes: int) -> Floats:
    """On the mean of the values of the row's own class."""
    rows = np.bincount(labels, minlength=classes)
    means = np.bincount(labels, weights=values, minlength=classes) / np.maximum(rows, 1)
    return np.asarray((values - means[labels]) * len(labels) / rows[labels])


def _of_confusion(labels: Integers, predicted: Integers, classes: int) -> Iterator[tuple[str, Floats]]:
    """By a numerical derivative: rows of one cell of the matrix have the same influence."""
    cells, cell_of, counts = np.unique(labels * classes + predicted, return_inverse=True, return_counts=True)
    true, called = cells // classes, cells % classes
    margins = [
        np.bincount(of[kept], weights=counts[kept], minlength=classes) / len(labels)
        for of, kept in ((true, true == called), (true, slice(None)), (called, slice(None)))
    ]
    observed = WeightedMargins(*(margin[None] for margin in margins))
    block = max(1, BLOCK_CELLS // classes)
    moved = [
        _with_more(observed, true[start : start + block], called[start : start + block])
        for start in range(0, len(cells), block)
    ]
    for name, metric in METRICS.items():
        changed = np.concatenate([metric(each) for each in moved])
        yield name, ((changed - metric(observed)) / STEP)[cell_of]


def _with_more(observed: WeightedMargins, true: Integers, called: Integers) -> WeightedMargins:
    """The margins (U, K) with STEP more weight in each of U cells."""
    of_true, of_called = (STEP * np.eye(observed.support.shape[-1])[each] for each in (true, called))
    right = (true == called)[:, None]
    return WeightedMargins(
        observed.correct + right * of_true, observed.support + of_true, observed.predicted + of_called
    )


def _of_scores(results: RowResults, score: Singles, classes: int) -> dict[str, Floats]:
    """score: the probabilities of the true class. With two classes they tell those of both."""
    found = {"nll": _of_mean(negative_logs(score))}
    if results.squared_distance is not None:
        found["brier"] = _of_mean(results.squared_distance.astype(np.float64))
    if classes != 2:
        return found
    found["brier"] = _of_mean(2 * (1 - score.astype(np.float64)) ** 2)
    of_classes = [positive_scores(results.labels, score, k) for k in (0, 1)]
    if all(0 < positive.sum() < len(positive) for _, positive in of_classes):
        for name, of_one in (("auroc", _of_auroc), ("average_precision", _of_average_precision)):
            found[name] = np.mean([of_one(*each) for each in of_classes], axis=0)
    return found


def _of_auroc(scores: Floats, positive: NDArray[np.bool_]) -> Floats:
    """From DeLong's placements: the share of the rows of the other kind that a row is ordered rightly against."""
    p, q = np.count_nonzero(positive), np.count_nonzero(~positive)
    ranks, found = midranks(scores), np.empty(len(scores))
    found[positive] = (ranks[positive] - midranks(scores[positive])) / q
    found[~positive] = 1 - (ranks[~positive] - midranks(scores[~positive])) / p
    area = found[positive].mean()
    return np.asarray((found - area) * len(scores) / np.where(positive, p, q))


def _of_average_precision(scores: Floats, positive: NDArray[np.bool_]) -> Floats:
    """Of AP = sum_g p_g T_g / N_g / P over groups of tied scores from the largest down.

    p_g: positive rows of the group; T_g, N_g: positive rows, and all rows, down to it.
    """
    _, group_of = np.unique(-scores, return_inverse=True)
    p = np.bincount(group_of, weights=positive)
    true, rows, total = np.cumsum(p), np.cumsum(np.bincount(group_of)), p.sum()
    precision = true / rows
    ap = float(p @ precision) / total
    as_positive, as_any = (np.cumsum((p * gain)[::-1])[::-1] / total for gain in (1 / rows, precision / rows))
    gained = positive * (as_positive[group_of] + (precision[group_of] - ap) / total) - as_any[group_of]
    return np.asarray(gained * len(scores))


def _of_errors(errors: Floats, targets: Floats, quantile: float) -> Iterator[tuple[str, Floats]]:
    """Of a regression. The median of the errors has an influence only if their density is known: it is left out."""
    squares = errors**2
    mse, variance = squares.mean(), targets.var()
    yield "mse", _of_mean(squares)
    yield "rmse", _of_mean(squares) / (2 * np.sqrt(mse)) if mse > 0 else np.zeros_like(errors)
    yield "mae", _of_mean(np.abs(errors))
    yield "pinball", _of_mean(np.maximum(-quantile * errors, (1 - quantile) * errors))
    if variance > 0:
        of_variance = (targets - targets.mean()) ** 2 - variance
        yield "r2", np.asarray(mse / variance**2 * of_variance - _of_mean(squares) / variance)
