"""Metrics of each bin of the targets of a regression: what the accuracy of each class is to a classification."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BinErrors:
    """Sums over the rows of each bin (K,). rows: how many; signed, absolute, squared: of prediction minus target."""

    rows: NDArray[np.int64]
    signed: Floats
    absolute: Floats
    squared: Floats

    @staticmethod
    def of(errors: Floats, bins: Integers, count: int) -> "BinErrors":
        """errors, bins: (n,), of rows in `count` bins."""
        signed, absolute, squared = (
            np.bincount(bins, weights=each, minlength=count).astype(np.float64)
            for each in (errors, np.abs(errors), errors**2)
        )
        return BinErrors(np.bincount(bins, minlength=count), signed, absolute, squared)


@dataclass(frozen=True, eq=False)
class BinMetric:
    """A metric of each bin, in the unit of the target. Fields as at `Metric`."""

    name: str
    formula: Callable[[BinErrors], Floats]
    always_stored: bool = False
    null_if: str = "the part has no rows of the bin, or the experiment is a classification"


def bin_metric(formula: Callable[[BinErrors], Floats]) -> BinMetric:
    """Declare the decorated formula as a metric of each bin, with the name of the function."""
    return BinMetric(formula.__name__, formula)


@bin_metric
def mae(sums: BinErrors) -> Floats:
    """Mean absolute error of the rows whose target is in the bin. Oracle: sklearn.metrics.mean_absolute_error."""
    return sums.absolute / np.maximum(sums.rows, 1)


@bin_metric
def rmse(sums: BinErrors) -> Floats:
    """Root of the mean squared error of these rows. Oracle: sklearn.metrics.root_mean_squared_error."""
    return np.sqrt(sums.squared / np.maximum(sums.rows, 1))


@bin_metric
def bias(sums: BinErrors) -> Floats:
    """Mean of prediction minus target of these rows: a model that shrinks to the mean has opposite signs at the ends.

    Oracle: numpy.mean.
    """
    return sums.signed / np.maximum(sums.rows, 1)


BIN_METRICS = (mae, rmse, bias)


def metrics_per_bin(sums: BinErrors) -> dict[str, list[Any]]:
    """`support`, and each metric by its name: lists in the order of the bins, null in a bin without rows."""
    present = sums.rows > 0
    values = {
        each.name: np.where(present, each.formula(sums), np.array(None)).tolist() for each in BIN_METRICS
    }
    return {"support": sums.rows.tolist()} | values
