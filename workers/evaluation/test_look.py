"""A look at a sealed test set: how many rows of each class the models of an experiment predicted correctly.

Nothing else is told: each further figure would be another answer, and the bound for looks that were chosen from
earlier ones counts the possible answers (`intervals.adaptive_half_width`). Intervals follow from these counts alone
(`look_bounds`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.evaluation.confusion import confusion_matrix
from workers.nn.arrays import Array, Integers


@dataclass(frozen=True, eq=False)
class Look:
    """The models of `seeds` seeds on the same N rows, as one: their means, never the best of them.

    correct: (K,), how many rows of each class were right, summed over the seeds. support: (K,), rows of each class.
    losses: (N,) float32, the share of the models that were wrong on each row.
    """

    seeds: int
    support: list[int]
    correct: list[int]
    losses: Array


def look(predictions: Sequence[Integers], labels: Integers, classes: int) -> Look:
    """Count how many `labels` (N,) the `predictions` (N,) of each model match."""
    confusion = sum(confusion_matrix(labels, each, classes) for each in predictions)
    wrong = np.sum([each != labels for each in predictions], axis=0)
    return Look(
        seeds=len(predictions),
        support=np.bincount(labels, minlength=classes).tolist(),
        correct=np.diagonal(confusion).tolist(),
        losses=np.divide(wrong, len(predictions), dtype=np.float32),
    )
