"""Paired bootstrap over rows: how far the difference of two experiments would be another on new rows and new seeds.

All experiments predicted the same rows, and every draw gives each row the same weight in all of them. So each is
resampled once, and the difference of any two follows by subtraction.

Weights are those of a Bayesian bootstrap (Rubin 1981). To the rows it adds one that only the first of two experiments
has right, and one that only the second has: otherwise a single row on which they differ would prove that they do. For
one seed and the accuracy this is the interval of Bonett & Price (2012). The classes share these two rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workers.evaluation.bootstrap import METRICS, RESAMPLES, Floats, WeightedMargins
from workers.evaluation.differences import Difference, mean_and_sd
from workers.evaluation.intervals import bootstrap_correction
from workers.evaluation.row_weights import class_weights
from workers.nn.arrays import Integers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK_CELLS = 1_000_000
"""Weights drawn at a time: they stay in the processor's cache, which halves the time."""
PRIOR = 1.0
"""This many rows that only the first experiment has right, and as many that only the second has."""


@dataclass(frozen=True, eq=False)
class ResampledMetric:
    """A metric of one experiment in each draw and seed, (R, S): as the first of two, and as the second."""

    first: Floats
    second: Floats

    def of_seeds(self, seeds: Sequence[int]) -> "ResampledMetric":
        """The same for these of its seeds, by their places."""
        return ResampledMetric(self.first[:, seeds], self.second[:, seeds])


def resample(
    experiments: Sequence[Integers],
    labels: Integers,
    metric: str,
    generator: np.random.Generator,
    *,
    classes: int,
    class_counts: Integers | None = None,
    resamples: int = RESAMPLES,
) -> list[ResampledMetric]:
    """A metric of METRICS of each experiment under the same draws.

    experiments: of each the predictions (S, N); their numbers of seeds S may differ. labels: (N,). class_counts: as
    for `two_way_bootstrap`.
    """
    changes = [changes_of_errors(predictions, labels, classes) for predictions in experiments]
    return resample_changes(
        changes, labels, metric, generator, classes=classes, class_counts=class_counts, resamples=resamples
    )


def resample_changes(
    experiments: "Sequence[csr_array]",
    labels: Integers,
    metric: str,
    generator: np.random.Generator,
    *,
    classes: int,
    class_counts: Integers | None = None,
    resamples: int = RESAMPLES,
) -> list[ResampledMetric]:
    """The same, from what the errors of each experiment change (`changes_of_errors`): they take less memory."""
    found = _resample(
        experiments,
        labels,
        (metric,),
        generator,
        classes=classes,
        class_counts=class_counts,
        resamples=resamples,
    )
    return [each[metric] for each in found]


def resample_metrics(
    experiments: Sequence[Integers],
    labels: Integers,
    metrics: Sequence[str],
    generator: np.random.Generator,
    *,
    classes: int,
    class_counts: Integers | None = None,
) -> list[dict[str, ResampledMetric]]:
    """Several metrics of each experiment under the same draws; the parameters are those of `resample`."""
    changes = [changes_of_errors(predictions, labels, classes) for predictions in experiments]
    return _resample(
        changes, labels, metrics, generator, classes=classes, class_counts=class_counts, resamples=RESAMPLES
    )


def _resample(
    experiments: "Sequence[csr_array]",
    labels: Integers,
    metrics: Sequence[str],
    generator: np.random.Generator,
    *,
    classes: int,
    class_counts: Integers | None,
    resamples: int,
) -> list[dict[str, ResampledMetric]]:
    from scipy.sparse import csr_array

    rows = len(labels)
    support = np.bincount(labels, minlength=classes).astype(np.float64)
    counts = np.asarray(support if class_counts is None else class_counts * (support > 0), np.float64)
    of_class = csr_array((np.ones(rows), (labels, np.arange(rows))), shape=(classes, rows))
    parts: list[dict[str, list[ResampledMetric]]] = [{name: [] for name in metrics} for _ in experiments]
    block = max(1, BLOCK_CELLS // rows)
    for start in range(0, resamples, block):
        draws = _Draws(
            generator,
            of_class,
            support,
            counts,
            min(block, resamples - start),
            stratified=class_counts is not None,
        )
        for part, each in zip(parts, experiments, strict=True):
            changes = draws.changes(each)
            for name, blocks in part.items():
                first, second = (draws.values(changes, name, place) for place in (0, 1))
                blocks.append(ResampledMetric(first, second))
    return [{name: _joined(blocks) for name, blocks in part.items()} for part in parts]


def _joined(blocks: Sequence[ResampledMetric]) -> ResampledMetric:
    first, second = ([getattr(block, place) for block in blocks] for place in ("first", "second"))
    return ResampledMetric(np.concatenate(first), np.concatenate(second))


def between_rows(
    a: ResampledMetric,
    b: ResampledMetric,
    values_a: Sequence[float],
    values_b: Sequence[float],
    *,
    rows: int | None = None,
) -> Difference:
    """The difference on new rows of the mean over seeds, and with several seeds, on new seeds.

    a, b, values: of the same S seeds in the same order; values: the metric of each as observed.
    Two-way (Owen 2007): the rows' share of the variance is that of the mean over these seeds under draws of rows.
    The seeds' share is that of a mean of S of them, s^2 / S, instead of draws among few. With one seed the
    difference is that of two models. rows: how many were drawn, if no prior makes up for there being few.
    """
    mean, sd = mean_and_sd(values_a, values_b)
    seeds = len(values_a)
    row_error = float(np.std((a.first - b.second).mean(axis=1), ddof=1))
    error_of_seeds = (sd or 0.0) / math.sqrt(seeds)
    if rows is None:
        return Difference(mean, row_error, error_of_seeds, seeds - 1)
    return Difference(mean, bootstrap_correction(rows) * row_error, error_of_seeds, seeds - 1, rows - 1)


class _Draws:
    """R draws of weights: of the rows, (N, R), and of the two rows that are added, by class (2, K, R)."""

    def __init__(
        self,
        generator: np.random.Generator,
        of_class: "csr_array",
        support: Floats,
        counts: Floats,
        draws: int,
        *,
        stratified: bool,
    ) -> None:
        """of_class: (K, N), 1 for each row of a class. counts: (K,), of the sample that tells class frequencies.

        stratified: whether that sample is another one than these rows.
        """
        classes, rows = of_class.shape
        weights = generator.standard_exponential((rows, draws))
        added = generator.standard_gamma(PRIOR / classes, (2, classes, draws)) * (support > 0)[:, None]
        totals = of_class @ weights + added.sum(axis=0)
        frequencies = generator.standard_gamma(counts[:, None], (classes, draws))
        of_classes = class_weights(generator, support, draws)
        if of_classes is not None and stratified:
            frequencies *= of_classes.T
        self.emphasis = of_classes
        frequencies *= rows / frequencies.sum(axis=0)
        scale = np.divide(frequencies, totals, out=np.zeros_like(totals), where=totals > 0)
        self.weights = weights * (of_class.T @ scale)
        self.added = added * scale
        self.support = frequencies
        self.all_right = frequencies - self.added.sum(axis=0)

    def changes(self, errors: "csr_array") -> Floats:
        """What the errors of an experiment change in the margins of each seed, (S, 2, K, R)."""
        classes, draws = self.support.shape
        changes: Floats = (errors @ self.weights).reshape(-1, 2, classes, draws)
        return changes

    def values(self, changes: Floats, metric: str, place: int) -> Floats:
        """The metric of each draw and seed, (R, S), of an experiment that is the first of two (place 0) or second."""
        classes, draws = self.support.shape
        right, wrong = self.added[place], self.added[1 - place]
        elsewhere = (wrong.sum(axis=0) - wrong) / max(classes - 1, 1)
        margins = (
            self.all_right + changes[:, 0] + right,
            np.broadcast_to(self.support, (len(changes), classes, draws)),
            self.all_right + changes[:, 1] + right + elsewhere,
        )
        correct, support, predicted = (np.moveaxis(each, 1, -1) for each in margins)
        return METRICS[metric](WeightedMargins(correct, support, predicted, self.emphasis)).T


def changes_of_errors(predictions: Integers, labels: Integers, classes: int) -> "csr_array":
    """What each row that is not predicted right changes in the margins, as (S x 2 x K, N).

    Of each seed, first the weight of right rows of each class, then that of rows predicted as each. Right rows,
    which are most, take no time.
    """
    from scipy.sparse import csr_array

    seeds, rows = predictions.shape
    seed, row = np.nonzero(predictions != labels)
    true, predicted = labels[row], predictions[seed, row]
    of_seed = 2 * classes * seed
    places = (of_seed + true, of_seed + classes + true, of_seed + classes + predicted)
    changes = np.repeat([-1.0, -1.0, 1.0], len(row))
    shape = (2 * classes * seeds, rows)
    return csr_array((changes, (np.concatenate(places), np.tile(row, 3))), shape=shape)
