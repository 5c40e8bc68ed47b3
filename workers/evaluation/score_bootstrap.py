"""Two-way bootstrap of the metrics of losses, probabilities and ranks: over new rows and new seeds at once.

As in `bootstrap`, rows get the weights of a Bayesian bootstrap, and `rows_and_seeds` makes the intervals. A share of
rows has Jeffreys' prior, half a row of either kind. So has an average precision, the mean over the rows of a
class of the precision at their scores: half a row with a precision of 1, and half a row with that of chance. A loss
has no largest value to put rows at. Left out is what the row-level results do not tell, a loss that is the same on
all rows, and the calibration error: the noise of a draw adds to it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import PRIOR, RESAMPLES, Resampled, value_range
from workers.evaluation.intervals import LEVEL, few_rows_stretch
from workers.evaluation.row_results import TOP, RowResults
from workers.evaluation.row_weights import row_weights
from workers.evaluation.rows_and_seeds import DrawnFigure
from workers.evaluation.score_differences import negative_logs
from workers.evaluation.two_classes import positive_scores
from workers.nn.arrays import Integers

Floats = NDArray[np.float64]
Figure = Callable[[Floats, Floats], Floats]
"""From weights (R, N), and the weights (R, 2) of right and wrong rows of a prior, to the values (R, S)."""


WITHOUT_PRIOR = ("loss", "nll", "brier")
"""Means over rows whose intervals are stretched where rows are few. A single row has none."""


def bootstrap_scores(
    results: Sequence[RowResults],
    generator: np.random.Generator,
    *,
    classes: int,
    class_counts: Integers | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Resampled]:
    """The mean over seeds of each metric that the results tell, with intervals.

    results: of each seed, on the same rows. classes: or bins of a regression. class_counts: as for `bootstrap`.
    """
    labels, seeds = results[0].labels.astype(np.int64), len(results)
    figures = dict(_figures(results, classes))
    as_it_is = np.ones((1, len(labels))), np.zeros((1, 2))
    drawn = {name: DrawnFigure(figure(*as_it_is)[0]) for name, figure in figures.items()}
    for weights in row_weights(generator, labels, classes, class_counts, resamples) if figures else ():
        prior = generator.standard_gamma(PRIOR, (len(weights), 2)) * weights.mean(axis=1, keepdims=True)
        for name, figure in figures.items():
            drawn[name].add(figure(weights, prior))
    stretch = few_rows_stretch(len(labels), level) if len(labels) > 1 else 0.0
    intervals = {
        name: each.interval(value_range(name), level, stretch=stretch if name in WITHOUT_PRIOR else 1.0)
        for name, each in drawn.items()
    }
    return {
        name: Resampled(drawn[name].value, interval, seeds=seeds > 1)
        for name, interval in intervals.items()
        if interval.high > interval.low
    }


def _figures(results: Sequence[RowResults], classes: int) -> Iterator[tuple[str, Figure]]:
    """Each metric that the results of every seed tell."""
    for name, values in (
        ("loss", [each.loss for each in results]),
        ("nll", [None if each.score is None else negative_logs(each.score) for each in results]),
        ("brier", [_squared_distances(each, classes) for each in results]),
    ):
        if (stacked := _stacked(values)) is not None:
            yield name, partial(_mean, stacked)
    if (places := _stacked([each.place for each in results])) is not None:
        for k in TOP:
            if k < classes:
                yield f"top_{k}_accuracy", partial(_share, (places < k).astype(np.float64))
    yield from _of_ranks(results, classes)


def _of_ranks(results: Sequence[RowResults], classes: int) -> Iterator[tuple[str, Figure]]:
    """The average precision of two classes, if rows of both are there."""
    if classes != 2 or len(np.unique(results[0].labels)) < 2:
        return
    scores = [each.score for each in results]
    if any(score is None for score in scores):
        return
    rankings = [
        [Ranking(*positive_scores(results[0].labels, score, k)) for k in (0, 1)]
        for score in scores
        if score is not None
    ]

    def average_precision(weights: Floats, prior: Floats) -> Floats:
        of_models = [
            np.mean([each.average_precision(weights, prior) for each in ranked], axis=0)
            for ranked in rankings
        ]
        return np.stack(of_models, axis=1)

    yield "average_precision", average_precision


class Ranking:
    """Rows by their scores (N,) from the largest down. positive: (N,), those of the class."""

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        descending, self._positive = scores[self._order], positive[self._order]
        ends = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
        self._end_of = ends[np.searchsorted(ends, np.flatnonzero(self._positive))]

    def average_precision(self, weights: Floats, prior: Floats) -> Floats:
        """(R,), of weighted rows (R, N), and of more rows of the class: prior (R, 2), the weights of those with a
        precision of 1, and of those with that of chance.

        Oracle: sklearn.metrics.average_precision_score(sample_weight=...).
        """
        ordered = weights[:, self._order]
        gained = ordered[:, self._positive]
        true = np.cumsum(ordered * self._positive, axis=1)[:, self._end_of]
        rows = np.cumsum(ordered, axis=1)[:, self._end_of]
        of_class = gained.sum(axis=1)
        chance = of_class / weights.sum(axis=1)
        precisions = (gained * true / rows).sum(axis=1) + prior[:, 0] + prior[:, 1] * chance
        return np.asarray(precisions / (of_class + prior.sum(axis=1)))


def _mean(values: Floats, weights: Floats, _: Floats) -> Floats:
    """Of values (S, N)."""
    return np.asarray((weights @ values.T) / weights.sum(axis=1, keepdims=True))


def _share(is_right: Floats, weights: Floats, prior: Floats) -> Floats:
    """Of rows that are right (S, N), with those of the prior."""
    right, total = weights @ is_right.T + prior[:, :1], weights.sum(axis=1) + prior.sum(axis=1)
    return np.asarray(right / total[:, None])


def _squared_distances(results: RowResults, classes: int) -> NDArray[np.floating] | None:
    """The Brier scores of the rows: stored, or with two classes those of the true class's probability."""
    if results.score is None or classes != 2:
        return results.squared_distance
    return np.asarray(2 * (1 - results.score.astype(np.float64)) ** 2)


def _stacked(values: Sequence[NDArray[np.generic] | None]) -> Floats | None:
    """(S, N); None if a seed has none."""
    present = [each for each in values if each is not None]
    return np.stack(present).astype(np.float64) if len(present) == len(values) else None
