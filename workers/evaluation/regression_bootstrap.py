"""Bootstrap of the metrics of a regression: over rows and seeds, and paired over the rows of several experiments.

As for classes, rows get the weights of a Bayesian bootstrap (Rubin 1981), and `rows_and_seeds` makes the intervals of
the mean over seeds. With a stratified split the bins of the targets keep their frequencies but for chance. There are
no rows of a prior: an error has no largest value that a prior could put them at. Intervals of few rows are stretched
instead (`few_rows_stretch`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import RESAMPLES, Resampled
from workers.evaluation.intervals import LEVEL, few_rows_stretch
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.row_weights import row_weights
from workers.evaluation.rows_and_seeds import DrawnFigure
from workers.nn.arrays import Integers

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightedRows:
    """Rows with weights (R, N) in each of R draws. targets: (N,); errors: (S, N), predictions minus targets."""

    weights: Floats
    targets: Floats
    errors: Floats
    quantile: float

    def mean(self, values: Floats) -> Floats:
        """The weighted means (R, S) of values (S, N)."""
        return np.asarray((self.weights @ values.T) / self.weights.sum(axis=1, keepdims=True))


def mse(rows: WeightedRows) -> Floats:
    return rows.mean(rows.errors**2)


def rmse(rows: WeightedRows) -> Floats:
    return np.sqrt(mse(rows))


def mae(rows: WeightedRows) -> Floats:
    return rows.mean(np.abs(rows.errors))


def median_absolute_error(rows: WeightedRows) -> Floats:
    """The smallest error at which half of the weight is reached, and the mean with the next if it is exactly half."""
    medians = np.empty((len(rows.weights), len(rows.errors)))
    for seed, errors in enumerate(np.abs(rows.errors)):
        order = np.argsort(errors, kind="stable")
        reached = np.cumsum(rows.weights[:, order], axis=1)
        half = reached[:, -1:] / 2
        low, high = ((compared(reached, half)).argmax(axis=1) for compared in (np.greater_equal, np.greater))
        medians[:, seed] = (errors[order][low] + errors[order][high]) / 2
    return medians


def r2(rows: WeightedRows) -> Floats:
    y = rows.targets - rows.targets.mean()
    moments = rows.mean(np.stack([y, y**2]))
    variance = moments[:, 1:] - moments[:, :1] ** 2
    return np.asarray(1 - mse(rows) / np.where(variance > 0, variance, np.nan))


def pinball(rows: WeightedRows) -> Floats:
    r = -rows.errors
    return rows.mean(np.maximum(rows.quantile * r, (rows.quantile - 1) * r))


NUMBER_METRICS: Mapping[str, Callable[[WeightedRows], Floats]] = {
    each.__name__: each for each in (rmse, mse, mae, median_absolute_error, r2, pinball)
}
"""Weighted twins of the metrics of residuals, by name."""


def measured_numbers(
    predictions: Floats, targets: Floats, bins: Integers, quantile: float = 0.5
) -> dict[str, float]:
    """The mean over seeds of each metric and of each bin's MAE, as `bootstrap_numbers` names them."""
    rows = WeightedRows(np.ones((1, len(targets))), targets, predictions - targets, quantile)
    return {
        name: float(values.mean()) for name, values in _figures(rows, bins, _names(targets, bins)).items()
    }


def bootstrap_numbers(
    predictions: Floats,
    targets: Floats,
    bins: Integers,
    generator: np.random.Generator,
    *,
    count: int,
    bin_counts: Integers | None = None,
    quantile: float = 0.5,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    new_seeds: bool = True,
) -> dict[str, Resampled]:
    """The mean over seeds of each metric and of each bin's MAE (`bin_0`, ...), with intervals.

    predictions: (S, N), one row a seed. targets, bins: (N,), the bins in [0, count). bin_counts: rows of each bin
    (count,) in the sample that tells how frequent the bins are; by default these rows themselves. A metric without a
    value is left out, and so is what a single row has measured: it does not tell how others vary. new_seeds: whether
    intervals are for new seeds too, or for the mean of these models alone.
    """
    errors, seeds = predictions - targets, len(predictions)
    names = _names(targets, bins)
    as_it_is = WeightedRows(np.ones((1, len(targets))), targets, errors, quantile)
    drawn = {name: DrawnFigure(values[0]) for name, values in _figures(as_it_is, bins, names).items()}
    for weights in row_weights(generator, bins, count, bin_counts, resamples):
        for name, values in _figures(WeightedRows(weights, targets, errors, quantile), bins, names).items():
            drawn[name].add(values)
    return {
        name: Resampled(
            drawn[name].value,
            drawn[name].interval(
                _range(name), level, new_seeds=new_seeds, stretch=few_rows_stretch(rows, level)
            ),
            seeds=new_seeds and seeds > 1,
        )
        for name, rows in zip(names, _rows(names, bins), strict=True)
        if rows > 1
    }


def resample_numbers(
    experiments: Sequence[Floats],
    targets: Floats,
    bins: Integers,
    metric: str,
    generator: np.random.Generator,
    *,
    count: int,
    bin_counts: Integers | None = None,
    quantiles: Sequence[float] | None = None,
    resamples: int = RESAMPLES,
) -> list[Floats]:
    """A metric of each experiment, with predictions (S, N), in each draw and seed (R, S), under the same draws.

    quantiles: of the pinball loss of each, by default 1/2.
    """
    quantiles = quantiles or [0.5] * len(experiments)
    found: list[list[Floats]] = [[] for _ in experiments]
    for weights in row_weights(generator, bins, count, bin_counts, resamples):
        for values, predictions, quantile in zip(found, experiments, quantiles, strict=True):
            rows = WeightedRows(weights, targets, predictions - targets, quantile)
            values.append(NUMBER_METRICS[metric](rows))
    return [np.concatenate(values) for values in found]


def _names(targets: Floats, bins: Integers) -> list[str]:
    """The figures that have a value."""
    metrics = [name for name in NUMBER_METRICS if name != "r2" or np.ptp(targets) > 0]
    return [*metrics, *(f"bin_{k}" for k in np.unique(bins).tolist())]


def _rows(names: Sequence[str], bins: Integers) -> list[int]:
    """How many rows each figure is of."""
    inside = np.bincount(bins).tolist()
    return [
        inside[int(name.removeprefix("bin_"))] if name.startswith("bin_") else len(bins) for name in names
    ]


def _range(name: str) -> tuple[float, float]:
    metric = BY_NAME.get(name)
    return (metric.lowest, metric.highest) if metric else (0.0, np.inf)


def _figures(rows: WeightedRows, bins: Integers, wanted: Collection[str]) -> dict[str, Floats]:
    """Each wanted figure of each model, (R, S)."""
    figures = {name: metric(rows) for name, metric in NUMBER_METRICS.items() if name in wanted}
    for name in wanted:
        if name.startswith("bin_"):
            of_bin = np.flatnonzero(bins == int(name.removeprefix("bin_")))
            inside = WeightedRows(
                rows.weights[:, of_bin], rows.targets[of_bin], rows.errors[:, of_bin], rows.quantile
            )
            figures[name] = mae(inside)
    return figures
