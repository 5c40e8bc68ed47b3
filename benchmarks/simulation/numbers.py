"""Regressions with a known truth: how often the intervals of their summaries cover it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation.coverage import Covered
from workers.data.target_bins import bin_targets
from workers.evaluation.intervals import Interval
from workers.evaluation.metrics.from_residuals import FROM_RESIDUALS, Residuals
from workers.evaluation.regression_bootstrap import bootstrap_numbers

Floats = NDArray[np.float64]

FIGURES = ("rmse", "mae", "median_absolute_error", "r2")
TRUTH_ROWS, TRUTH_MODELS = 20_000, 200


@dataclass(frozen=True)
class NumberDesign:
    """Rows that measure the models of some seeds. freedom: of Student's t, of which the noise is: the fewer, the more
    outliers. Targets are 2 x plus noise; the model of a seed predicts (2 + a) x + b, a and b random.
    """

    name: str
    rows: int
    seeds: int
    freedom: float

    def rows_of(self, rows: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """New rows: their x and their targets."""
        x = generator.standard_normal(rows)
        return x, 2 * x + generator.standard_t(self.freedom, rows)

    def models(self, seeds: int, generator: np.random.Generator) -> Floats:
        """The slope and the intercept of each model (S, 2)."""
        return np.array([2.0, 0.0]) + 0.3 * generator.standard_normal((seeds, 2))


DESIGNS = (
    NumberDesign("300 rows, 3 seeds", 300, 3, 8),
    NumberDesign("300 rows, 1 seed, heavy tails", 300, 1, 3),
    NumberDesign("60 rows, 3 seeds", 60, 3, 8),
    NumberDesign("60 rows, 1 seed, heavy tails", 60, 1, 3),
)


def draw(design: NumberDesign, number: int) -> list[Covered]:
    """Whether the interval of each figure covers, in the draw of this number.

    The truth is of all rows: of several seeds over all models, of one seed of this model.
    """
    generator = np.random.default_rng([number, design.rows, design.seeds])
    x, targets = design.rows_of(design.rows, generator)
    models = design.models(design.seeds, generator)
    bins, names = bin_targets(targets)
    found = bootstrap_numbers(predicted(models, x), targets, bins, generator, count=len(names))
    truth = _of_all_models(design) if design.seeds > 1 else _truth(design, models)
    return list(_covered(design, truth, {name: found[name].interval for name in FIGURES}))


def predicted(models: Floats, x: Floats) -> Floats:
    """What each model predicts, (S, N)."""
    return models[:, :1] * x + models[:, 1:]


def _covered(
    design: NumberDesign, truth: dict[str, float], intervals: dict[str, Interval]
) -> Iterator[Covered]:
    for name, interval in intervals.items():
        low, high = interval.low, interval.high
        yield Covered(design.name, name, low <= truth[name] <= high, high - low)


@lru_cache
def _of_all_models(design: NumberDesign) -> dict[str, float]:
    return _truth(design, design.models(TRUTH_MODELS, np.random.default_rng(98)))


def _truth(design: NumberDesign, models: Floats) -> dict[str, float]:
    """The mean of each figure over models, on many rows."""
    x, targets = design.rows_of(TRUTH_ROWS, np.random.default_rng(99))
    metrics = {each.name: each.formula for each in FROM_RESIDUALS if each.name in FIGURES}
    rows = [Residuals(targets, predictions) for predictions in predicted(models, x)]
    return {name: float(np.mean([formula(each) for each in rows])) for name, formula in metrics.items()}
