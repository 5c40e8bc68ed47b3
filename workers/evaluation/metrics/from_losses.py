"""Metrics of the losses that training minimises, as the spec defines them."""

import math

from workers.evaluation.metrics.metric import EVERY_TASK, metric
from workers.evaluation.per_row import RowLosses


@metric(direction="min", highest=math.inf, always_stored=True, tasks=EVERY_TASK)
def loss(rows: RowLosses) -> float:
    """Unweighted mean of the spec's loss over the rows.

    Its oracle is that of the loss.

    When: to see whether training still lowers what it minimises.
    """
    return rows.mean


@metric(
    direction="min",
    highest=math.inf,
    null_if="every row of the part has weight 0",
    in_summaries=False,
    tasks=EVERY_TASK,
    selects_nothing="it depends on the class weights; use loss",
)
def weighted_loss(rows: RowLosses) -> float | None:
    """Weighted mean of the spec's loss: sum w L / sum w over the weights of the rows' classes.

    Without class weights it is the loss.

    Oracle: torch.nn.functional.cross_entropy(weight=...).
    """
    if rows.weights is None:
        return rows.mean
    total = rows.weights.sum()
    return float(rows.weights @ rows.losses / total) if total > 0 else None


FROM_LOSSES = (loss, weighted_loss)
