"""Intervals of a cross-validation's means over folds: for the procedure on new data, with other rows and seeds.

Those that were computed from row-level results when the experiment ended, and corrected t intervals of the figures
that row-level results do not tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from service.experiments.fold_figures import FoldFigures
from service.experiments.intervals import Intervals, OptionalEnds
from workers.evaluation.intervals import corrected_t_interval, wilson
from workers.evaluation.metrics import BY_NAME

Bounds = tuple[float, float]
SHARE: Bounds = (0.0, 1.0)
ERROR: Bounds = (0.0, math.inf)
ROUNDING = 1e-12
"""Relative differences of values that are equal but for rounding."""


@dataclass(frozen=True, eq=False)
class FoldIntervals:
    """Intervals of means over folds; null for fewer than two folds.

    evaluation_share: the number of evaluation rows for each row that trains or validates. from_rows: those that
    row-level results have told; None without such results.
    """

    folds: Sequence[FoldFigures]
    evaluation_share: float
    from_rows: Intervals | None = None

    def of_metric(self, name: str) -> OptionalEnds:
        """The interval of a metric's mean, within the range of the metric."""
        if self.from_rows and name in self.from_rows.metrics and not BY_NAME[name].without_interval:
            return self.from_rows.of_metric(name)
        return self.of_values(name, [each.metrics[name] for each in self.folds])

    def of_values(self, name: str, values: Sequence[float | None]) -> OptionalEnds:
        """The corrected t interval of the mean of other values of a metric, one per fold; null if it has none."""
        if BY_NAME[name].without_interval:
            return None, None
        rows = self._class_rows()
        bounds = BY_NAME[name].lowest, BY_NAME[name].highest
        counted = sum(rows) if name == "accuracy" else min(count for count in rows if count)
        return self._ends(values, bounds, counted)

    def of_class(self, index: int) -> OptionalEnds:
        """The interval of the mean recall of a class, or of the mean error of a bin."""
        if self.from_rows and self.from_rows.classes[index]:
            return self.from_rows.of_class(index)
        errors = [each.class_mae[index] for each in self.folds]
        if any(error is not None for error in errors):
            return self._ends(errors, ERROR, self._class_rows()[index])
        return self.of_recalls(index, [each.class_accuracy[index] for each in self.folds])

    def of_recalls(self, index: int, values: Sequence[float | None]) -> OptionalEnds:
        """The corrected t interval of the mean of other recalls of the class, one per fold."""
        return self._ends(values, SHARE, self._class_rows()[index])

    def _ends(self, values: Sequence[float | None], bounds: Bounds, rows: int) -> OptionalEnds:
        """The interval within `bounds`. If all folds agree, t's has no width: take that of a share of `rows`."""
        found = corrected_t_interval(
            [value for value in values if value is not None], evaluation_share=self.evaluation_share
        )
        if found is None:
            return None, None
        mean, interval = found
        if interval.high - interval.low <= ROUNDING * max(1.0, abs(mean)):
            return _as_share(mean, bounds, rows)
        return max(interval.low, bounds[0]), min(interval.high, bounds[1])

    def _class_rows(self) -> list[int]:
        """The evaluation rows of each class in one repeat: the other repeats measure the same rows again."""
        repeats = len({each.fold.repeat for each in self.folds})
        return [sum(rows) // repeats for rows in zip(*(each.support for each in self.folds), strict=True)]


def _as_share(mean: float, bounds: Bounds, rows: int) -> OptionalEnds:
    """Wilson's interval of a mean, as if it were a share of `rows` rows between its bounds; null without bounds."""
    low, high = bounds
    width = high - low
    interval = wilson((mean - low) / width * rows, rows) if math.isfinite(width) else None
    return (low + interval.low * width, low + interval.high * width) if interval else (None, None)
