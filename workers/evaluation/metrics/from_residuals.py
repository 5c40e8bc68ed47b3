"""Metrics of a regression: what the differences between predictions and targets say, in the unit of the target."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.metrics.metric import NUMBERS, metric

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Residuals:
    """The targets and the predictions of the rows, (n,), in their own unit. quantile: that of the pinball loss."""

    targets: Floats
    predictions: Floats
    quantile: float = 0.5

    @property
    def errors(self) -> Floats:
        """Predictions minus targets."""
        return self.predictions - self.targets


@metric(direction="min", highest=math.inf, tasks=NUMBERS)
def rmse(rows: Residuals) -> float:
    """Root of the mean squared error, in the unit of the target. Oracle: sklearn.metrics.root_mean_squared_error.

    When: if large errors count more than their size.
    """
    return math.sqrt(float(np.mean(rows.errors**2)))


@metric(direction="min", highest=math.inf, tasks=NUMBERS)
def mse(rows: Residuals) -> float:
    """Mean squared error (z - y)^2. Oracle: sklearn.metrics.mean_squared_error.

    When: to compare with other work; rmse has the unit of the target.
    """
    return float(np.mean(rows.errors**2))


@metric(direction="min", highest=math.inf, tasks=NUMBERS)
def mae(rows: Residuals) -> float:
    """Mean absolute error |z - y|. Oracle: sklearn.metrics.mean_absolute_error.

    When: if an error counts as much as its size.
    """
    return float(np.mean(np.abs(rows.errors)))


@metric(direction="min", highest=math.inf, tasks=NUMBERS)
def median_absolute_error(rows: Residuals) -> float:
    """Median of |z - y|: outliers do not change it. Oracle: sklearn.metrics.median_absolute_error.

    When: for the typical error, where outliers decide other figures.
    """
    return float(np.median(np.abs(rows.errors)))


@metric(
    direction="max",
    lowest=-math.inf,
    tasks=NUMBERS,
    null_if="all targets of the part are equal",
    null_for=lambda counts: sum(counts) < 2,
)
def r2(rows: Residuals) -> float | None:
    """1 - SSE/SST, SST around the mean of the part that is measured: 0 for that mean, negative for worse.

    When: to compare targets that have different units.
    Oracle: sklearn.metrics.r2_score.
    """
    total = float(np.sum((rows.targets - rows.targets.mean()) ** 2))
    return 1 - float(np.sum(rows.errors**2)) / total if total > 0 else None


@metric(direction="min", highest=math.inf, tasks=NUMBERS)
def pinball(rows: Residuals) -> float:
    """Mean of max(q r, (q-1) r), r = y - z: q is that of a quantile loss, else 1/2, and then it is half of the MAE.

    When: if a quantile is predicted.
    Oracle: sklearn.metrics.mean_pinball_loss.
    """
    r = -rows.errors
    return float(np.mean(np.maximum(rows.quantile * r, (rows.quantile - 1) * r)))


FROM_RESIDUALS = (rmse, mse, mae, median_absolute_error, r2, pinball)
