"""A difference between two experiments, with what it takes to say how certain it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from workers.evaluation.intervals import LEVEL, Interval
from workers.evaluation.student import student_t_quantile

SMALLEST_P = 1e-15


@dataclass(frozen=True)
class Difference:
    """a minus b, with two standard errors that add up as variances do: over rows, and over repetitions.

    repetition_error: over seeds or folds, few enough that it has degrees of freedom; 0 without them.
    row_degrees_of_freedom: of the error over rows; None if it counts as known.
    """

    value: float
    row_error: float
    repetition_error: float
    degrees_of_freedom: int
    row_degrees_of_freedom: int | None = None

    def interval(self, *, comparisons: int = 1, level: float = LEVEL) -> Interval:
        """One of so many intervals that all cover together with probability `level`, at least (Bonferroni).

        Each has the level 1 - d / comparisons, d = 1 - level. It excludes 0 if and only if comparisons x p_value < d.
        """
        d = (1 - level) / comparisons
        half_width = self._half_width(d)
        return Interval(self.value - half_width, self.value + half_width, 1 - d)

    @property
    def p_value(self) -> float:
        """Of no difference, two-sided: the d at which an interval of level 1 - d begins to exclude 0."""
        size = abs(self.value)
        low, high = math.log(SMALLEST_P), 0.0
        while high - low > 1e-9:
            middle = (low + high) / 2
            low, high = (low, middle) if self._half_width(math.exp(middle)) < size else (middle, high)
        return math.exp(high)

    def _half_width(self, d: float) -> float:
        """The root of z^2 row_error^2 + t^2 repetition_error^2, z and t at 1 - d/2; with few rows, t of theirs for z.

        It covers with at least 1 - d, whatever the two errors are. Satterthwaite's degrees of freedom do not: with
        two seeds, and intervals corrected for ten comparisons, they miss seven times too often.
        Source: Banerjee 1961, On confidence interval for two-means problem.
        """
        if self.row_degrees_of_freedom is None:
            of_rows = -NormalDist().inv_cdf(d / 2) * self.row_error
        else:
            of_rows = abs(student_t_quantile(self.row_degrees_of_freedom, d / 2)) * self.row_error
        if self.repetition_error == 0:
            return of_rows
        return math.hypot(of_rows, student_t_quantile(self.degrees_of_freedom, d / 2) * self.repetition_error)


def between_folds(
    values_a: Sequence[float], values_b: Sequence[float], *, evaluation_share: float
) -> Difference | None:
    """The mean difference over the J evaluation folds of a cross-validation; None if it is the same in all.

    values: of each fold, in the same order; of several seeds their mean. The folds' training parts overlap, so the
    variance of the mean is (1/J + evaluation_share) s^2 instead of s^2 / J, with J - 1 degrees of freedom.
    evaluation_share: n_eval / n_train, where rows that validate count as training.
    Source: Nadeau & Bengio 2003, Inference for the generalization error; Bouckaert & Frank 2004.
    """
    mean, sd = mean_and_sd(values_a, values_b)
    if not sd:
        return None
    folds = len(values_a)
    return Difference(mean, 0.0, math.sqrt(1 / folds + evaluation_share) * sd, folds - 1)


def mean_and_sd(values_a: Sequence[float], values_b: Sequence[float]) -> tuple[float, float | None]:
    """Of the differences a - b. The standard deviation (ddof 1) is 0 if they are equal but for rounding.

    It is None for a single difference.
    """
    differences = [a - b for a, b in zip(values_a, values_b, strict=True)]
    mean = math.fsum(differences) / len(differences)
    if len(differences) == 1:
        return mean, None
    sd = math.hypot(*(each - mean for each in differences)) / math.sqrt(len(differences) - 1)
    magnitude = max(map(abs, (*values_a, *values_b)))
    return mean, sd if sd > 1e-12 * magnitude else 0.0
