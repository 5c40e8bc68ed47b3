"""The variance of a mean over folds, in two components: of the rows that measure, and of the models.

Nadeau & Bengio (2003) take it as (1/J + n_eval/n_train) s^2, with s^2 the variance between the J folds. That says
nothing of where s^2 comes from. Each row has an influence on its fold, so the rows' component is known:

- all folds of a repeat together measure every row once, and further repeats measure the same rows again. The variance
  of the mean over new rows is the sum of the squares of the rows' mean influences, whatever J;
- what s^2 has beyond the rows' component of a fold is of the models: their seeds, and their training rows.

As in theirs, n_eval/n_train stands for the training rows that all folds share, which no data of one cross-validation
tell (Bengio & Grandvalet 2004): the variance of the mean is (1 + n_eval/n_train) V + (1/J + n_eval/n_train) E, with V
the rows' component of the mean, and E = max(0, s^2 - the rows' component of a fold).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.influence import Influences
from workers.evaluation.intervals import LEVEL, Interval, normal_quantile, standard_deviation
from workers.evaluation.student import student_t_quantile
from workers.nn.arrays import Integers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RowVariance:
    """The variance over new rows, of the mean of a figure over all folds, and of the figure of one fold."""

    of_mean: float
    of_fold: float

    def interval(self, values: Sequence[float], *, evaluation_share: float, level: float = LEVEL) -> Interval:
        """Of the mean over at least two folds, from the figure of each.

        The half-width is the root of the sum of squares of a normal one for rows, and one of Student's t with J - 1
        degrees of freedom for models (Banerjee 1961). evaluation_share: n_eval / n_train.
        """
        folds, mean, tail = len(values), fmean(values), 0.5 + level / 2
        excess = max(0.0, standard_deviation(values, mean) ** 2 - self.of_fold)
        of_rows = normal_quantile(tail) * math.sqrt((1 + evaluation_share) * self.of_mean)
        of_models = student_t_quantile(folds - 1, tail) * math.sqrt((1 / folds + evaluation_share) * excess)
        half_width = math.hypot(of_rows, of_models)
        return Interval(mean - half_width, mean + half_width, level)


class RowVariances:
    """Adds up the influences of rows, fold by fold. rows: how many the data set has; classes: or bins."""

    def __init__(self, rows: int, classes: int) -> None:
        self._rows, self._classes = rows, classes
        self._sums: dict[str, Floats] = defaultdict(lambda: np.zeros(rows))
        self._squares: dict[str, list[float]] = defaultdict(list)
        self._own, self._label_of = np.zeros(rows), np.zeros(rows, np.int64)
        self._own_squares: list[Floats] = []
        self._has_class: list[NDArray[np.bool_]] = []

    def add(self, rows: Integers, labels: Integers, models: Sequence[Influences]) -> None:
        """Add a fold. rows, labels: (n,), of its evaluation part; models: the seeds that were measured on it.

        The variance of a recall is r (1 - r) / (m - 1) for m rows of the class: influences say m in place of m - 1.
        """
        counts = np.bincount(labels, minlength=self._classes)
        share = np.sqrt(counts / np.maximum(counts - 1, 1))[labels] / len(rows)
        for name in set.intersection(*(set(each.metrics) for each in models)):
            influence = np.mean([each.metrics[name] for each in models], axis=0) * share
            self._sums[name][rows] += influence
            self._squares[name].append(float(influence @ influence))
        own = np.mean([each.own_class for each in models], axis=0) * share
        self._own[rows] += own
        self._label_of[rows] = labels
        squares = np.bincount(labels, weights=own**2, minlength=self._classes)
        self._own_squares.append(squares.astype(np.float64))
        self._has_class.append(counts > 0)

    def of_metrics(self) -> dict[str, RowVariance]:
        """Of each metric that every model of every fold has."""
        folds = len(self._own_squares)
        return {
            name: RowVariance(float(self._sums[name] @ self._sums[name]) / folds**2, fmean(squares))
            for name, squares in self._squares.items()
            if len(squares) == folds
        }

    def of_classes(self) -> list[RowVariance | None]:
        """Of the recall of each class, or of the MAE of each bin; None for one without rows."""
        of_mean = np.bincount(self._label_of, weights=self._own**2, minlength=self._classes)
        of_folds, present = np.sum(self._own_squares, axis=0), np.sum(self._has_class, axis=0)
        return [
            RowVariance(float(mean) / int(folds) ** 2, float(total) / int(folds)) if folds else None
            for mean, total, folds in zip(of_mean, of_folds, present, strict=True)
        ]
