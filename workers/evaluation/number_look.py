"""A look at a sealed test set by a regression: the errors of its models with intervals, as rounded numbers.

Each number has four significant digits. So a look gives one of finitely many answers, and a bound for looks that were
chosen from earlier ones can count them (`POSSIBLE`). That bound needs losses with a largest value too, and an error
has none: it is of absolute errors that count as at most `limit`, the range of the targets of the open rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import Resampled
from workers.evaluation.intervals import LEVEL, Interval, adaptive_half_width, normal_quantile
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.from_residuals import FROM_RESIDUALS, Residuals
from workers.evaluation.regression_bootstrap import bootstrap_numbers, measured_numbers
from workers.nn.arrays import Array, Integers

Floats = NDArray[np.float64]
Figure = list[float]
"""A value, and the ends of its interval, unless a single row has measured it."""

DIGITS = 4
MANTISSAS, EXPONENTS = 9 * 10 ** (DIGITS - 1), 633
POSSIBLE = 2 * MANTISSAS * EXPONENTS
"""Numbers in double precision with so many digits, besides 0: of either sign, from 4.941e-324 to 1.798e308."""
TOLD = ("rmse", "mae", "median_absolute_error", "r2")
"""The metrics of a look. That of a quantile loss also tells its pinball loss."""


@dataclass(frozen=True, eq=False)
class NumberLook:
    """Figures of the models of all seeds as one: the mean over them.

    bins: the mean absolute error of each bin of the targets (K,), None without rows. baselines: of predicting the
    mean, and the median, of the training rows. clipped_mae: the MAE, if errors above the limit count as the limit.
    """

    figures: dict[str, Figure]
    bins: list[Figure | None]
    support: list[int]
    baselines: dict[str, dict[str, float]]
    clipped_mae: float


def look_at_numbers(
    predictions: Sequence[Floats],
    targets: Floats,
    bins: Integers,
    *,
    count: int,
    constants: Mapping[str, float],
    limit: float,
    quantile: float | None,
    generator: np.random.Generator,
) -> NumberLook:
    """Measure the predictions (N,) of each model against targets (N,), which are in `count` bins (N,).

    constants: what each baseline predicts. quantile: of a quantile loss, else None.
    """
    models = np.stack(predictions)
    told = TOLD if quantile is None else (*TOLD, "pinball")
    level = quantile or 0.5
    found = bootstrap_numbers(models, targets, bins, generator, count=count, quantile=level, new_seeds=False)
    values = measured_numbers(models, targets, bins, level)
    figures = {name: [rounded(x) for x in (value, *_ends(found.get(name)))] for name, value in values.items()}
    absolute = np.abs(models - targets)
    return NumberLook(
        figures={name: figures[name] for name in told if name in figures},
        bins=[figures.get(f"bin_{k}") for k in range(count)],
        support=np.bincount(bins, minlength=count).tolist(),
        baselines={
            name: _of_constant(value, targets, level, [each for each in told if each != "r2"])
            for name, value in constants.items()
        },
        clipped_mae=rounded(float(np.minimum(absolute, limit).mean())),
    )


def mean_absolute_errors(predictions: Sequence[Floats], targets: Floats) -> Array:
    """The mean absolute error of each row over the models (N,), in float32: what the ledger stores."""
    return np.asarray(np.abs(np.stack(predictions) - targets).mean(axis=0), np.float32)


def told_numbers(look: NumberLook) -> int:
    """How many rounded numbers a look tells."""
    of_bins = sum(len(each) for each in look.bins if each)
    of_baselines = sum(map(len, look.baselines.values()))
    return sum(map(len, look.figures.values())) + of_bins + of_baselines + 1


def figure_bounds(metric: str, figure: Figure, looks: int) -> tuple[Interval, Interval]:
    """The interval for one look, and the one of `looks` that cover together.

    The second is the first, widened as a normal distribution would be: so it tells nothing more of the rows.
    """
    value, low, high = figure
    wider = normal_quantile(1 - (1 - LEVEL) / (2 * looks)) / normal_quantile((1 + LEVEL) / 2)
    declared = BY_NAME[metric]
    all_looks = Interval(
        max(declared.lowest, low - (wider - 1) * (value - low)),
        min(declared.highest, high + (wider - 1) * (high - value)),
        LEVEL,
    )
    return Interval(low, high, LEVEL), all_looks


def adaptive_bound(
    clipped: float, limit: float, rows: int, looks: int, earlier: Sequence[Sequence[int]]
) -> Interval | None:
    """Hoeffding's bound of the MAE with errors of at most `limit`, whatever the looks were chosen from."""
    half = adaptive_half_width(rows, looks, earlier=earlier)
    if half is None:
        return None
    room = half * limit + clipped * 0.5 * 10.0 ** (1 - DIGITS)  # the figure is rounded
    return Interval(max(0.0, clipped - room), min(limit, clipped + room), LEVEL)


def rounded(value: float) -> float:
    """The value to four significant digits."""
    return float(f"{value:.{DIGITS}g}")


def _ends(found: Resampled | None) -> tuple[float, ...]:
    return () if found is None else (found.interval.low, found.interval.high)


def _of_constant(value: float, targets: Floats, quantile: float, told: Sequence[str]) -> dict[str, float]:
    rows = Residuals(targets, np.full(len(targets), value), quantile)
    return {
        each.name: rounded(float(each.formula(rows) or 0.0)) for each in FROM_RESIDUALS if each.name in told
    }
