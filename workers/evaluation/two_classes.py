"""Scores of one of two classes, the positive one, from row-level results."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.ranking import Booleans
from workers.evaluation.row_results import Singles, Unsigned


def positive_class(counts: Sequence[int]) -> int:
    """The index of the rarer of two classes, given the rows of each; of the second if both are as frequent."""
    return 0 if counts[0] < counts[1] else 1


def positive_scores(labels: Unsigned, score: Singles, positive: int) -> tuple[NDArray[np.float64], Booleans]:
    """The probability of the positive class on each row, from that of the true one; and whether it is the true one.

    Probabilities of a true negative above 1 - 6e-8 are 1 in single precision: their rows tie at 0.
    """
    is_positive: Booleans = labels == positive
    return np.where(is_positive, score, 1 - score.astype(np.float64)), is_positive
