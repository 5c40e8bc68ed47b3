"""The parameter-free Ladder: a leaderboard that does not leak the test set, however often it is asked.

Source: Blum & Hardt 2015, The Ladder: a reliable leaderboard for machine learning competitions.
"""

import math
from dataclasses import dataclass

import numpy as np

from workers.nn.arrays import Array


@dataclass(frozen=True, eq=False)
class LadderStep:
    """The best model so far: the `loss` that was revealed, and its losses (N,) per row, which never are."""

    loss: float
    losses: Array


def climb(best: LadderStep | None, losses: Array) -> LadderStep:
    """The rung after a model with `losses` (N,) in [0, 1], such as 1 for each row it got wrong.

    A new number is revealed only if the mean loss is below the best one by more than s / sqrt(N), s the
    standard deviation (ddof 1) of the differences to the losses of the best; it is rounded to 1/N. Otherwise
    the answer is `best` itself, and says only that the model was no clear improvement.
    """
    n = len(losses)
    mean = float(losses.mean(dtype=np.float64))
    if best is not None and best.loss - mean <= _margin(losses - best.losses):
        return best
    return LadderStep(round(mean * n) / n, losses)


def _margin(differences: Array) -> float:
    """The margin to exceed: s / sqrt(N); infinite for a single row, which has no spread."""
    n = len(differences)
    if n < 2:
        return math.inf
    margin = float(differences.std(ddof=1, dtype=np.float64)) / math.sqrt(n)
    # One row gained and none lost is always an exact tie, which rounding must not decide.
    return margin * (1 + 1e-9)
