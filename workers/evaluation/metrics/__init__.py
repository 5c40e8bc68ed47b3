"""The metrics of an epoch, each declared once: columns, responses, CSV, selection and the catalogue follow."""

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
]
