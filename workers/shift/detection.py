"""What every detector of a shift answers, and how several of them are corrected for each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALPHA = 0.05
"""How often a detector may raise an alarm about rows that have not shifted."""
POWER = 0.8
"""How often it would find the smallest shift that it states."""
Z_POWER = 0.8416212335729143
"""The standard normal quantile of `POWER`."""


@dataclass(frozen=True)
class Detection:
    """One test of a batch against the validation rows.

    p_value: corrected for `comparisons`, the tests that the detector makes. validation_rows, batch_rows: how many it
    used. smallest_share: its power. If this share of the batch came from elsewhere, as different as can be for this
    test, and the rest were like the validation rows, the test would raise an alarm about 80 % of such batches; None
    if it could miss a batch that comes from elsewhere as a whole.
    """

    name: str
    statistic: float
    p_value: float
    comparisons: int
    validation_rows: int
    batch_rows: int
    smallest_share: float | None

    @property
    def is_alarm(self) -> bool:
        """Whether the detector alone says, at the level `ALPHA`, that the batch has shifted."""
        return self.p_value <= ALPHA


def bonferroni(p_values: Floats) -> float:
    """The smallest of the p-values (k,), corrected for their number."""
    return float(min(1.0, len(p_values) * p_values.min()))


def holm(p_values: Floats) -> Floats:
    """The p-values (k,), each corrected for all of them.

    Source: Holm 1979. Oracle: statsmodels.stats.multitest.multipletests(method="holm").
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected


def smallest_on_grid(reached: NDArray[np.bool_], grid: Floats) -> float | None:
    """The first value of an ascending grid (g,) from which on a power is reached; None if it never is."""
    found = np.flatnonzero(~reached)
    first = 0 if not len(found) else int(found[-1]) + 1
    return None if first == len(grid) else float(grid[first])
