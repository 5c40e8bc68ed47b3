"""Intervals of the mean over seeds, for new rows and new seeds: rows by a bootstrap, seeds by Student's t.

The models of S seeds are measured on the same rows (crossed factors, Owen 2007). Their mean varies with both:

- Rows: as the mean over these S models varies in draws of the rows.
- Seeds: the figures of the models have a variance s^2, and the mean has s^2 / S of it, known from S - 1 differences.

An end lies at the root of the sum of two squares from the mean: the distance of the rows' percentile, and
t s / sqrt(S), t the quantile of Student's t with S - 1 degrees of freedom (Banerjee 1961). If rows and seeds are
normal, it covers at least as often as it says. What rows do to one model and not to the others is in both squares,
which errs on the safe side. Draws of seeds with replacement would stay within the S values that there are, and be too
sure: `docs/intervals.md`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.intervals import (
    LEVEL,
    Interval,
    percentile_interval,
    standard_deviation,
    t_half_width,
)

Floats = NDArray[np.float64]


class DrawnFigure:
    """A figure of the models of S seeds, in draws of the rows that measure them."""

    def __init__(self, observed: Floats) -> None:
        """observed: the figure of each model on the rows as they are, (S,)."""
        self.value = float(observed.mean())
        self._observed = observed
        self._means: list[Floats] = []

    def add(self, values: Floats) -> None:
        """Add the figure of each model in further draws, (R, S)."""
        self._means.append(values.mean(axis=1))

    @property
    def has_values(self) -> bool:
        """Whether each draw has a value."""
        return all(np.isfinite(means).all() for means in self._means)

    def interval(
        self,
        within: tuple[float, float],
        level: float = LEVEL,
        *,
        new_seeds: bool = True,
        stretch: float = 1.0,
    ) -> Interval:
        """For new rows, and unless there is one or it is not wanted, for new seeds. within: the figure's range.
        stretch: the distance of the rows' percentiles is so many times what the draws say (`few_rows_stretch`).

        It includes what was observed, which a prior of the draws would exclude where every row is right.
        """
        of_rows = percentile_interval(np.concatenate(self._means), level)
        below, above = (
            stretch * max(0.0, distance) for distance in (self.value - of_rows.low, of_rows.high - self.value)
        )
        if new_seeds and len(self._observed) > 1:
            of_seeds = seed_half_width(self._observed, level)
            below, above = math.hypot(below, of_seeds), math.hypot(above, of_seeds)
        low, high = max(self.value - below, within[0]), min(self.value + above, within[1])
        return Interval(min(low, self.value), max(high, self.value), level)


def seed_half_width(observed: Floats, level: float) -> float:
    """t s / sqrt(S): the seeds' share of the half-width, from the figures (S,) of two models or more."""
    deviation = standard_deviation(observed.tolist(), float(observed.mean()))
    return t_half_width(deviation, len(observed), level)
