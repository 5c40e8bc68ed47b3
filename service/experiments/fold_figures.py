"""The figures of each fold of a cross-validation: means over its seeds, at their selected epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Any

from service.store.tables import Rows
from workers.data.splits import Fold
from workers.evaluation.metrics import SUMMARISED


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
