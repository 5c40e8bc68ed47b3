"""Balancing by resampling: it draws among the rows of the training part."""

from typing import Literal

import numpy as np

from workers.data.balancing.balancing import (
    Balancing,
    Draw,
    ExpectedCounts,
    Growth,
    Sampler,
    grown_counts,
    target_counts,
)
from workers.data.dataset import Dataset, Indices, rows_by_class
from workers.data.scaling import Scaler
from workers.nn.arrays import Integers
from workers.tagged_union import Flag, Probability, variant


@variant
class NoBalancing(Balancing):
    """Each row once per epoch.

    When: to begin with, and with a loss or class weights that already favour rare classes.
    """

    name: Literal["none"] = "none"

    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        return counts.astype(np.float64)

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        rows = len(training)
        return lambda resampling, shuffling: Draw(shuffling.permutation(rows))


@variant
class Oversample(Balancing):
    """Each row once, plus rows drawn with replacement, up to n_k^(1-g) n_max^g rows of class k.

    g = target_ratio. `max_growth` limits each class to that multiple of its rows.
    When: if rare classes have few rows, and none may be lost.
    Oracle: imblearn.over_sampling.RandomOverSampler (g = 1).
    """

    name: Literal["oversample"] = "oversample"
    target_ratio: Probability = 1.0
    max_growth: Growth | None = None

    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        return grown_counts(counts, self.target_ratio, self.max_growth)

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        members = rows_by_class(training.labels, len(training.classes))
        missing = (self.expected_counts(training.counts) - training.counts).astype(np.int64)

        def epoch(resampling: np.random.Generator, shuffling: np.random.Generator) -> Draw:
            copies = [
                of_class[resampling.integers(len(of_class), size=more)]
                for of_class, more in zip(members, missing, strict=True)
                if more
            ]
            return Draw(shuffling.permutation(np.concatenate([np.arange(len(training)), *copies])))

        return epoch


@variant
class Undersample(Balancing):
    """n_k^(1-g) n_min^g rows of class k, g = target_ratio, drawn without replacement.

    They are drawn for each epoch, or once per run if `redraw` is false.
    When: if there are more rows than you need: epochs become shorter.
    Oracle: imblearn.under_sampling.RandomUnderSampler (g = 1).
    """

    name: Literal["undersample"] = "undersample"
    target_ratio: Probability = 1.0
    redraw: Flag = True

    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        smallest = counts[counts > 0].min()
        return np.rint(target_counts(counts, smallest, self.target_ratio))

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        members = rows_by_class(training.labels, len(training.classes))
        kept = self.expected_counts(training.counts).astype(np.int64)

        def draw(resampling: np.random.Generator) -> Indices:
            pairs = zip(members, kept, strict=True)
            return np.concatenate([resampling.choice(rows, keep, replace=False) for rows, keep in pairs])

        if self.redraw:
            return lambda resampling, shuffling: Draw(shuffling.permutation(draw(resampling)))
        fixed = draw(generator)
        return lambda resampling, shuffling: Draw(shuffling.permutation(fixed))


@variant
class WeightedSampler(Balancing):
    """n draws with replacement; class k has probability proportional to n_k^(1-g) n_max^g, g = target_ratio.

    When: as oversample, with epochs as long as without it.
    Oracle: torch.utils.data.WeightedRandomSampler with weights 1/n_k (g = 1).
    """

    name: Literal["weighted_sampler"] = "weighted_sampler"
    target_ratio: Probability = 1.0

    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        targets = target_counts(counts, counts.max(), self.target_ratio)
        return targets * float(counts.sum() / targets.sum())

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        rows = len(training)
        growth = self.expected_counts(training.counts) / np.maximum(training.counts, 1)
        weights = growth[training.labels]
        weights /= weights.sum()
        return lambda resampling, shuffling: Draw(resampling.choice(rows, size=rows, p=weights))


@variant
class BalancedBatches(Balancing):
    """n rows in which classes take turns, so that their counts in any batch differ by at most one.

    The order of classes is drawn for each epoch; each class cycles through its rows in random order.

    When: if every batch needs rows of every class, for instance with batch norm.
    """

    name: Literal["balanced_batches"] = "balanced_batches"

    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        present = (counts > 0).astype(np.float64)
        return present * float(counts.sum() / present.sum())

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        members = [rows for rows in rows_by_class(training.labels, len(training.classes)) if len(rows)]

        def epoch(resampling: np.random.Generator, shuffling: np.random.Generator) -> Draw:
            drawn = np.empty(len(training), np.int64)
            for turn, k in enumerate(shuffling.permutation(len(members))):
                places = drawn[turn :: len(members)]
                places[:] = _repeated_shuffles(members[k], len(places), resampling)
            return Draw(drawn)

        return epoch


def _repeated_shuffles(rows: Indices, size: int, generator: np.random.Generator) -> Indices:
    passes = -(-size // len(rows))
    return generator.permuted(np.tile(rows, (passes, 1)), axis=1).ravel()[:size]


Resampling = NoBalancing | Oversample | Undersample | WeightedSampler | BalancedBatches
