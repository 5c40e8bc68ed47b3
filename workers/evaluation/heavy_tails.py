"""Heavy tails of errors, by the ratio of RMSE to MAE: whether a bootstrap of RMSE can be trusted."""

from math import pi, sqrt

NORMAL = sqrt(2 / pi)
"""MAE / RMSE of normal errors."""
DEVIATION = 0.2123
"""The standard deviation of that ratio in normal samples is this over the root of their size."""
SURE = 2.33
HEAVY = 1 / 1.4
"""Below this ratio, intervals of RMSE are too short: `make simulate ARGS='--only regression'`. Laplace's has .707."""


def has_heavy_tails(rmse: float, mae: float, rows: int) -> bool:
    """Whether errors have heavier tails than normal ones, beyond chance, and so much that it matters.

    Source: Geary 1935, The ratio of the mean deviation to the standard deviation as a test of normality.
    """
    if rmse <= 0 or rows < 2:
        return False
    return mae / rmse < min(HEAVY, NORMAL - SURE * DEVIATION / sqrt(rows))
