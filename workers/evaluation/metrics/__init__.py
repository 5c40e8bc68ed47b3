"""The metrics of an epoch, each declared once: columns, responses, CSV, selection and the catalogue follow."""

import math
from collections.abc import Mapping
from typing import Any

from workers.evaluation.metrics.from_confusion import FROM_CONFUSION
from workers.evaluation.metrics.from_losses import FROM_LOSSES
from workers.evaluation.metrics.from_ranks import FROM_RANKS
from workers.evaluation.metrics.from_residuals import FROM_RESIDUALS
from workers.evaluation.metrics.from_scores import FROM_SCORES
from workers.evaluation.metrics.metric import Direction, Metric

METRICS: tuple[Metric[Any, Any], ...] = (
    *FROM_LOSSES,
    *FROM_CONFUSION,
    *FROM_SCORES,
    *FROM_RANKS,
    *FROM_RESIDUALS,
)
"""Every metric, in the order of the columns."""
SUMMARISED: tuple[Metric[Any, Any], ...] = tuple(
    metric
    for metric in (*FROM_CONFUSION, *FROM_RANKS, *FROM_LOSSES, *FROM_SCORES, *FROM_RESIDUALS)
    if metric.in_summaries
)
"""Those of summaries, comparisons and specs, in this order."""
BY_NAME: Mapping[str, Metric[Any, Any]] = {metric.name: metric for metric in METRICS}


def range_of(column: str) -> tuple[float, float]:
    """The lowest and the highest value of a metric; 0 and infinity for others, such as the learning rate."""
    declared = BY_NAME.get(column)
    return (declared.lowest, declared.highest) if declared else (0.0, math.inf)


__all__ = [
    "BY_NAME",
    "FROM_CONFUSION",
    "FROM_LOSSES",
    "FROM_RANKS",
    "FROM_RESIDUALS",
    "FROM_SCORES",
    "METRICS",
    "SUMMARISED",
    "Direction",
    "Metric",
    "range_of",
]
