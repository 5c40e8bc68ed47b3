"""Evaluation: every metric of a model's logits on one part of a data set."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from workers.evaluation.confusion import Confusion, Margins
from workers.evaluation.measures import measure
from workers.evaluation.metrics import (
    BY_NAME,
    FROM_CONFUSION,
    FROM_LOSSES,
    FROM_RANKS,
    FROM_RESIDUALS,
    FROM_SCORES,
    Metric,
)
from workers.evaluation.metrics.from_residuals import Floats, Residuals
from workers.evaluation.metrics.per_bin import BinErrors, metrics_per_bin
from workers.evaluation.metrics.per_class import metrics_per_class
from workers.evaluation.per_row import RowLosses
from workers.evaluation.ranking import RowsByClass
from workers.evaluation.row_results import TOP, RowPredictions
from workers.nn.arrays import Array, Integers

Predicted = Callable[[], RowPredictions]
"""Returns what an evaluation predicted for each row: most epochs are not the best, and then nothing needs it."""


class NonFiniteError(ArithmeticError):
    """What was to be evaluated, or a metric of it, is NaN or infinite: the run has diverged."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of `rows` examples.

    metrics: every metric of the registry by its name; null if it is undefined, as those of probabilities are if the
    output layer gives none.
    `evaluation.accuracy` is short for `evaluation.metrics["accuracy"]`.
    confusion: (K, K), rows true; the metrics of each class follow from it. A regression has none: (0, 0).
    bins: of a regression, what `metrics_per_bin` says of each bin of the targets.
    """

    rows: int
    metrics: dict[str, float | None]
    confusion: Confusion
    bins: dict[str, list[Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        metrics = self.__dict__.get("metrics", {})
        if name not in metrics:
            raise AttributeError(f"an evaluation has no {name}")
        return metrics[name]

    def per_class(self) -> dict[str, list[Any]]:
        """`support`, and the metrics of each class or bin: lists in their order."""
        return self.bins or metrics_per_class(self.confusion)


def evaluate(
    logits: Array,
    labels: Integers,
    *,
    losses: Array | None = None,
    class_weights: Array | None = None,
    distribution: bool,
) -> Evaluation:
    """`evaluate_with_rows` without the predictions."""
    evaluation, _ = evaluate_with_rows(
        logits, labels, losses=losses, class_weights=class_weights, distribution=distribution
    )
    return evaluation


def evaluate_with_rows(
    logits: Array,
    labels: Integers,
    *,
    losses: Array | None = None,
    class_weights: Array | None = None,
    distribution: bool,
    by_class: RowsByClass | None = None,
) -> tuple[Evaluation, Predicted]:
    """Evaluate logits (N, K) against labels (N,); N >= 1. Also return what they predict.

    losses: (N,); by default -log p_y. The prediction is the argmax, at a tie the first class. `distribution`: whether
    softmax(logits) is what the model predicts. by_class: of the labels, if they are known. Sums are float64 whatever
    the logits' dtype. Raises NonFiniteError.
    """
    if not len(labels):
        raise ValueError("nothing to evaluate: no rows")
    measured = measure(logits, by_class or RowsByClass.of(labels, logits.shape[1]), distribution=distribution)
    if not measured.is_finite:
        _require_finite(logits=logits)
    scores, classes = measured.scores, measured.classes
    if losses is None and scores is not None:
        losses = scores.negative_log_p
    assert losses is not None  # noqa: S101 -- without probabilities, the caller gives them
    if not measured.is_finite or scores is None or losses is not scores.negative_log_p:
        _require_finite(losses=losses)
    weights = None if class_weights is None else class_weights.astype(np.float64)[labels]
    metrics = {
        **_values(FROM_LOSSES, RowLosses(losses, weights)),
        **_values(FROM_CONFUSION, Margins.of(measured.confusion)),
        **_values(FROM_SCORES, scores),
        **_values(FROM_RANKS, classes),
        **_values(FROM_RESIDUALS, None),
    }
    _require_finite_metrics(metrics)
    predicted = partial(
        RowPredictions.of,
        measured.predictions,
        scores.negative_log_p if scores else None,
        scores.confidence if scores else None,
        logits.shape[1],
        losses=losses,
        places=classes.places if logits.shape[1] > min(TOP) else None,
        squared_distance=scores.squared_distance if scores else None,
    )
    return Evaluation(len(labels), metrics, measured.confusion), predicted


def evaluate_numbers(
    predictions: Floats,
    targets: Floats,
    bins: Integers,
    *,
    count: int,
    losses: Array,
    weights: Floats | None = None,
    quantile: float = 0.5,
) -> tuple[Evaluation, Predicted]:
    """Evaluate predicted numbers against targets, both (N,) in the unit of the target; N >= 1.

    bins: (N,), which of the `count` bins each target is in. losses, weights: (N,), those of the spec. quantile: of
    the pinball loss. Raises NonFiniteError.
    """
    if not len(targets):
        raise ValueError("nothing to evaluate: no rows")
    _require_finite(predictions=predictions, losses=losses)
    rows = Residuals(targets, predictions, quantile)
    with np.errstate(over="ignore", invalid="ignore"):
        metrics = {
            **dict.fromkeys(BY_NAME),
            **_values(FROM_LOSSES, RowLosses(losses, weights)),
            **_values(FROM_RESIDUALS, rows),
        }
        of_bins = metrics_per_bin(BinErrors.of(rows.errors, bins, count))
    _require_finite_metrics(metrics)
    none = np.zeros((0, 0), np.int64)
    predicted = partial(RowPredictions.of_numbers, predictions, losses)
    return Evaluation(len(targets), metrics, none, of_bins), predicted


def _require_finite_metrics(metrics: dict[str, float | None]) -> None:
    if all(map(math.isfinite, filter(None, metrics.values()))):
        return
    for name, value in metrics.items():
        if value is not None and not math.isfinite(value):
            raise NonFiniteError(f"{name}: NaN or infinite")


def _values(metrics: Iterable[Metric[Any, Any]], measured: Any) -> dict[str, float | None]:
    """The values of the metrics by their names; all null if nothing was measured."""
    return {each.name: None if measured is None else each.formula(measured) for each in metrics}


def _require_finite(**values: Array) -> None:
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise NonFiniteError(f"{name}: NaN or infinite")
