"""Estimates of a cross-validation: the mean over the folds of the mean over seeds, with corrected t intervals.

All figures are of the evaluation parts at the selected epochs. The intervals are for the procedure on new data of
this kind: rows, training rows and seeds vary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Any

from service.experiments.intervals import OptionalEnds
from service.store.tables import Rows
from workers.data.splits import Fold
from workers.evaluation.intervals import corrected_t_interval, wilson
from workers.evaluation.metrics import BY_NAME, SUMMARISED

Bounds = tuple[float, float]
SHARE: Bounds = (0.0, 1.0)
ERROR: Bounds = (0.0, math.inf)
ROUNDING = 1e-12
"""Relative differences of values that are equal but for rounding."""


@dataclass(frozen=True, eq=False)
class FoldFigures:
    """The figures of one fold, means over its seeds. Each metric is an attribute, as in the row of a run.

    support: rows of each class (K,) in its evaluation part; class_accuracy: the recall of each, None without rows.
    class_mae: the mean absolute error of each bin of a regression.
    """

    fold: Fold
    metrics: dict[str, float | None]
    support: list[int]
    class_accuracy: list[float | None]
    class_mae: list[float | None]

    def __getattr__(self, name: str) -> float | None:
        metrics = self.__dict__.get("metrics", {})
        if name not in metrics:
            raise AttributeError(f"a fold has no {name}")
        value: float | None = metrics[name]
        return value


def by_fold(selected: Rows) -> list[FoldFigures]:
    """The figures of each fold, from the rows of its runs, ordered by repeat, fold and seed."""
    groups = groupby(selected, key=lambda row: Fold(row.repeat, row.fold))
    return [_averaged(fold, list(rows)) for fold, rows in groups]


@dataclass(frozen=True, eq=False)
class FoldIntervals:
    """Corrected t intervals of means over folds; null for fewer than two folds.

    evaluation_share: the number of evaluation rows for each row that trains or validates.
    """

    folds: Sequence[FoldFigures]
    evaluation_share: float

    def of_metric(self, name: str) -> OptionalEnds:
        """The interval of a metric's mean, within the range of the metric."""
        return self.of_values(name, [each.metrics[name] for each in self.folds])

    def of_values(self, name: str, values: Sequence[float | None]) -> OptionalEnds:
        """The same for other values of a metric, one per fold."""
        rows = self._class_rows()
        bounds = BY_NAME[name].lowest, BY_NAME[name].highest
        counted = sum(rows) if name == "accuracy" else min(count for count in rows if count)
        return self._ends(values, bounds, counted)

    def of_class(self, index: int) -> OptionalEnds:
        """The interval of the mean recall of a class, or of the mean error of a bin."""
        errors = [each.class_mae[index] for each in self.folds]
        if any(error is not None for error in errors):
            return self._ends(errors, ERROR, self._class_rows()[index])
        return self.of_recalls(index, [each.class_accuracy[index] for each in self.folds])

    def of_recalls(self, index: int, values: Sequence[float | None]) -> OptionalEnds:
        """The same for other recalls of the class, one per fold."""
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


def _averaged(fold: Fold, rows: list[Any]) -> FoldFigures:
    recalls = zip(*(row.class_accuracy for row in rows), strict=True)
    return FoldFigures(
        fold,
        {metric.name: mean([getattr(row, metric.name) for row in rows]) for metric in SUMMARISED},
        list(rows[0].support),  # all seeds of a fold were measured on the same rows
        [mean(of_class) for of_class in recalls],
        [
            mean(of_bin)
            for of_bin in zip(*(row.class_mae or [None] * len(row.support) for row in rows), strict=True)
        ],
    )


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that there are; None if there are none."""
    present = [value for value in values if value is not None]
    return fmean(present) if present else None


def _as_share(mean: float, bounds: Bounds, rows: int) -> OptionalEnds:
    """Wilson's interval of a mean, as if it were a share of `rows` rows between its bounds; null without bounds."""
    low, high = bounds
    width = high - low
    interval = wilson(round((mean - low) / width * rows), rows) if math.isfinite(width) else None
    return (low + interval.low * width, low + interval.high * width) if interval else (None, None)
