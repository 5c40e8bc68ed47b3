"""DeLong's covariance of the AUROCs of models on the same rows, and intervals from it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.intervals import LEVEL, Interval, normal_quantile, wilson
from workers.evaluation.ranking import Booleans, Floats
from workers.evaluation.rows_and_seeds import seed_half_width


@dataclass(frozen=True, eq=False)
class DeLong:
    """AUROCs (M,) of M models on the same rows, and the covariance (M, M) of these estimates over new rows."""

    aurocs: NDArray[np.float64]
    covariance: NDArray[np.float64]
    fewer: int
    """Rows of the kind of which there are fewer."""

    def interval(self, model: int = 0, level: float = LEVEL) -> Interval:
        """The normal interval of logit(AUROC), transformed back, so that it stays within [0, 1].

        At an AUROC of 0 or 1 the estimated variance is 0, although few rows prove little: Wilson's interval then says
        how rare a misplaced row of the rarer kind may be, if none of them is.
        Source: Pepe 2003, The statistical evaluation of medical tests, section 5.2.
        """
        area, variance = float(self.aurocs[model]), float(self.covariance[model, model])
        return self._around(area, math.sqrt(variance) * normal_quantile(0.5 + level / 2), level)

    def mean_interval(self, level: float = LEVEL) -> Interval:
        """The same of the mean over M models of different seeds: for new rows and new seeds, as in `rows_and_seeds`.

        Its variance over rows is the mean of the covariances.
        """
        models, of_rows = len(self.aurocs), float(self.covariance.mean())
        half_width = normal_quantile(0.5 + level / 2) * math.sqrt(max(of_rows, 0.0))
        if models > 1:
            half_width = math.hypot(half_width, seed_half_width(self.aurocs, level))
        return self._around(float(self.aurocs.mean()), half_width, level)

    def _around(self, area: float, half_width: float, level: float) -> Interval:
        if not 0 < area < 1:
            return wilson(round(area) * self.fewer, self.fewer, level) or Interval(0.0, 1.0, level)
        logit, on_logits = math.log(area / (1 - area)), half_width / (area * (1 - area))
        low, high = (1 / (1 + math.exp(-value)) for value in (logit - on_logits, logit + on_logits))
        return Interval(low, high, level)

    def difference(self, a: int, b: int, level: float = LEVEL) -> tuple[float, Interval]:
        """AUROC a minus AUROC b, with its normal interval, within [-1, 1]."""
        difference = float(self.aurocs[a] - self.aurocs[b])
        variance = self.covariance[a, a] + self.covariance[b, b] - 2 * self.covariance[a, b]
        half_width = normal_quantile(0.5 + level / 2) * math.sqrt(max(float(variance), 0.0))
        return difference, Interval(
            max(difference - half_width, -1.0), min(difference + half_width, 1.0), level
        )


def delong(scores: Floats, positive: Booleans) -> DeLong | None:
    """DeLong's covariance of the AUROCs of M models with scores (M, N), by mid-ranks in O(M N log N).

    A row's placement is the share of rows of the other kind that it is ordered rightly against. The variance of an
    AUROC is the variance of the placements of the positive rows over P, plus that of the others over Q. None if one
    of the kinds has fewer than two rows. Source: DeLong, DeLong & Clarke-Pearson 1988; Sun & Xu 2014.
    """
    p, q = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    if p < 2 or q < 2:
        return None
    of_positive, of_negative = np.empty((len(scores), p)), np.empty((len(scores), q))
    for row, model in enumerate(scores):
        ranks = midranks(model)
        of_positive[row] = (ranks[positive] - midranks(model[positive])) / q
        of_negative[row] = 1 - (ranks[~positive] - midranks(model[~positive])) / p
    covariance = np.atleast_2d(np.cov(of_positive)) / p + np.atleast_2d(np.cov(of_negative)) / q
    return DeLong(of_positive.mean(axis=1), covariance, min(p, q))


def midranks(values: Floats) -> NDArray[np.float64]:
    """The rank of each value, from 1; equal values share the mean of their ranks. Oracle: scipy.stats.rankdata."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))
    ends = np.append(starts[1:], len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((starts + 1 + ends) / 2, ends - starts)
    return ranks
