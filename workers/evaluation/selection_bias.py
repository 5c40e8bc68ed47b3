"""The best of many candidates looks better than it is: how much better, from what all of them predicted for each row.

Bootstrap bias correction: draw rows with replacement; choose the best candidate on the drawn rows; measure it on the
rows that were not drawn; average over the draws. The choice never sees the rows that measure it. With several seeds,
these are drawn alike: a candidate can owe its place to its seeds as well as to the rows, and the seeds that were not
drawn show it. With a single seed, the corrected value is that of this model.
Source: Tsamardinos, Greasidou & Borboudakis 2018, Bootstrapping the out-of-sample predictions for efficient and
accurate cross-validation.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import METRICS, WeightedMargins
from workers.evaluation.intervals import LEVEL, Interval, percentile_interval
from workers.evaluation.regression_bootstrap import NUMBER_METRICS, WeightedRows
from workers.evaluation.stacked_errors import StackedErrors
from workers.nn.arrays import Integers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
DRAWS = 500


@dataclass(frozen=True)
class CorrectedBest:
    """The value of the best candidate: as measured on all rows, and corrected for the choice among all candidates.

    chosen: how many different candidates were the best of some draw. interval: of the corrected value.
    """

    measured: float
    corrected: float
    interval: Interval
    chosen: int


class MeasuredCandidates(ABC):
    """What candidates predicted for the same N rows, measured under weights of the rows."""

    def __init__(self, labels: Integers, classes: int) -> None:
        self.labels, self.classes = labels, classes

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def values(self, candidate: int, weights: Floats) -> Floats:
        """The metric of each seed of one candidate under weights (N, R), (S, R)."""

    def values_of_all(self, weights: Floats) -> Iterator[Floats]:
        """The same of each candidate in turn."""
        return (self.values(each, weights) for each in range(len(self)))


class Classified(MeasuredCandidates):
    """Candidates that predicted classes."""

    def __init__(
        self, errors: Sequence[StackedErrors], labels: Integers, metric: str, *, classes: int
    ) -> None:
        """errors: those of all candidates, in their order."""
        from scipy.sparse import csr_array

        super().__init__(labels, classes)
        self._metric, self._stacks = METRICS[metric], errors
        self._places = [(stack, place) for stack in errors for place in range(len(stack))]
        rows = len(labels)
        self._of_class = csr_array((np.ones(rows), (labels, np.arange(rows))), shape=(classes, rows))

    def __len__(self) -> int:
        return len(self._places)

    def values(self, candidate: int, weights: Floats) -> Floats:
        stack, place = self._places[candidate]
        return self._values(stack.of_candidate(place), weights)

    def values_of_all(self, weights: Floats) -> Iterator[Floats]:
        for stack in self._stacks:
            yield from stack.split(self._values(stack.errors, weights))

    def _values(self, errors: "csr_array", weights: Floats) -> Floats:
        """The metric of each seed in a matrix of errors, (S, R)."""
        support = self._of_class @ weights
        changes = (errors @ weights).reshape(-1, 2, *support.shape)
        margins = (
            support + changes[:, 0],
            np.broadcast_to(support, changes[:, 0].shape),
            support + changes[:, 1],
        )
        return self._metric(WeightedMargins(*(np.moveaxis(each, 1, -1) for each in margins)))


class Predicted(MeasuredCandidates):
    """Numbers (S, N) that each candidate predicted. labels: the bins of the targets (N,)."""

    def __init__(
        self,
        predictions: Sequence[Floats],
        targets: Floats,
        bins: Integers,
        metric: str,
        *,
        classes: int,
        quantile: float,
    ) -> None:
        super().__init__(bins, classes)
        self._errors = [each - targets for each in predictions]
        self._targets, self._metric, self._quantile = targets, NUMBER_METRICS[metric], quantile

    def __len__(self) -> int:
        return len(self._errors)

    def values(self, candidate: int, weights: Floats) -> Floats:
        rows = WeightedRows(
            np.ascontiguousarray(weights.T), self._targets, self._errors[candidate], self._quantile
        )
        return self._metric(rows).T


def corrected_best(
    candidates: MeasuredCandidates,
    best: int,
    generator: np.random.Generator,
    *,
    larger_is_better: bool,
    stratify: bool,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> CorrectedBest | None:
    """Correct the value of the candidate `best`. stratify: draw as many rows of each class as there are.

    None if there are so few rows that none, or none with a value of the metric, is left out in any draw.
    """
    sign = 1.0 if larger_is_better else -1.0
    weights = _drawn_rows(candidates.labels, generator, draws, stratify=stratify)
    weights = weights[:, (weights == 0).any(axis=0)]
    draws = weights.shape[1]
    if draws == 0:
        return None
    seeds = _DrawnSeeds(generator, draws)
    values = np.stack([sign * seeds.mean(each, drawn=True) for each in candidates.values_of_all(weights)])
    winners = np.argmax(values, axis=0)
    outside = np.empty(draws)
    for winner in np.unique(winners).tolist():
        chosen = np.flatnonzero(winners == winner)
        left_out = (weights[:, chosen] == 0).astype(np.float64)
        outside[chosen] = seeds.mean(candidates.values(winner, left_out), drawn=False, draws=chosen)
    outside = outside[np.isfinite(outside)]
    if not len(outside):
        return None
    everything = np.ones((len(candidates.labels), 1))
    return CorrectedBest(
        measured=float(candidates.values(best, everything).mean()),
        corrected=float(outside.mean()),
        interval=percentile_interval(outside, level),
        chosen=len(np.unique(winners)),
    )


class _DrawnSeeds:
    """Seeds drawn with replacement so that at least one is left out, for each number of seeds that a candidate has.

    Candidates with as many seeds have the same draws.
    """

    def __init__(self, generator: np.random.Generator, draws: int) -> None:
        self._generator, self._draws = generator, draws
        self._counts: dict[int, Integers] = {}

    def mean(self, values: Floats, *, drawn: bool, draws: Integers | None = None) -> Floats:
        """The mean (R,) of values (S, R) over the seeds that were drawn, or over the others. draws: which (R,)."""
        if len(values) == 1:
            return np.asarray(values[0])
        counts = self._of(len(values)) if draws is None else self._of(len(values))[:, draws]
        shares = counts if drawn else counts == 0
        return np.asarray((values * shares).sum(axis=0) / shares.sum(axis=0))

    def _of(self, seeds: int) -> Integers:
        """How often each seed is drawn, (S, R)."""
        if seeds not in self._counts:
            counts = self._generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=self._draws).T
            for draw in np.flatnonzero(counts.min(axis=0) > 0):  # all of them: one is replaced by another
                gone, twice = self._generator.permutation(seeds)[:2]
                counts[gone, draw], counts[twice, draw] = 0, 2
            self._counts[seeds] = counts
        return self._counts[seeds]


def _drawn_rows(labels: Integers, generator: np.random.Generator, draws: int, *, stratify: bool) -> Floats:
    """How often each row is drawn, (N, R)."""
    groups = [np.flatnonzero(labels == each) for each in np.unique(labels)] if stratify else None
    counts = np.zeros((len(labels), draws))
    for rows in groups or [np.arange(len(labels))]:
        share = np.full(len(rows), 1 / len(rows))
        counts[rows] = generator.multinomial(len(rows), share, size=draws).T
    return counts
