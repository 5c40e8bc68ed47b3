"""SMOTE: synthetic examples between neighbours of one class."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from workers.data.balancing.balancing import Balancing, Draw, ExpectedCounts, Growth, Sampler, grown_counts
from workers.data.balancing.neighbours import nearest_neighbours
from workers.data.balancing.nominal import Templates, comparable_rows, templates_of
from workers.data.dataset import Dataset, Features, Indices, rows_by_class
from workers.data.errors import TooFewRows
from workers.data.preprocessing import Encoder
from workers.data.scaling import Scaler
from workers.nn.arrays import Integers
from workers.tagged_union import Count, Probability, variant


class GrowingClass(NamedTuple):
    """The rows of a class that grows (n_k,), the k nearest of each (n_k, k), and how many examples to add.

    templates: (n_k, d), of a table, the categories and gaps of an example near each row; else None.
    """

    rows: Indices
    nearest: Indices
    missing: int
    templates: Templates | None


@variant
class Smote(Balancing):
    """Every row once, and x + u (x_nn - x) up to n_k^(1-g) n_max^g examples of class k, g = target_ratio.

    x is a random row of the class, x_nn one of its k nearest in the same class, by exact distances of scaled
    features; u is uniform on [0, 1). Drawn anew for each epoch. A class that grows needs more than k rows. Of a table
    with categories it is SMOTE-NC: each category in which two rows differ adds the square of the median of the
    numbers' standard deviations, and a new example has the categories of most of the k neighbours.
    When: for tables with rare classes. A mixture of two images is rarely an image.
    Source: Chawla et al. 2002. Oracle: imblearn.over_sampling.SMOTE and SMOTENC (g = 1).
    """

    name: Literal["smote"] = "smote"
    k: Count = 5
    target_ratio: Probability = 1.0
    max_growth: Growth | None = None

    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        return grown_counts(counts, self.target_ratio, self.max_growth)

    def require(self, counts: Integers, classes: Sequence[str]) -> None:
        grows = self.expected_counts(counts) > counts
        for name, rows, more in zip(classes, counts.tolist(), grows, strict=True):
            if more and rows <= self.k:
                needed = f"smote takes the {self.k} nearest neighbours of a row"
                raise TooFewRows(f"class '{name}'", rows, self.k + 1, needed)

    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        self.require(training.counts, training.classes)
        growing = self._growing_classes(training, scaler)
        originals, templates = np.arange(len(training)), _joined(growing)

        def epoch(resampling: np.random.Generator, shuffling: np.random.Generator) -> Draw:
            rows, partners, template = [originals], [originals], [np.zeros_like(originals)]
            before = 0
            for of_class in growing:
                x = resampling.integers(len(of_class.rows), size=of_class.missing)
                nearest = of_class.nearest[x, resampling.integers(self.k, size=of_class.missing)]
                rows.append(of_class.rows[x])
                partners.append(of_class.rows[nearest])
                template.append(before + x)
                before += len(of_class.rows)
            mixing = np.zeros(sum(map(len, rows)), np.float32)
            resampling.random(out=mixing[len(originals) :], dtype=np.float32)
            order = shuffling.permutation(len(mixing))
            drawn = Draw(np.concatenate(rows)[order], np.concatenate(partners)[order], mixing[order])
            if templates is None:
                return drawn
            return replace(drawn, templates=templates, template=np.concatenate(template)[order])

        return epoch

    def _growing_classes(self, training: Dataset, scaler: Scaler) -> list[GrowingClass]:
        missing = (self.expected_counts(training.counts) - training.counts).astype(np.int64)
        return [
            self._growing(training.features[rows], rows, int(more), scaler)
            for rows, more in zip(rows_by_class(training.labels, len(training.classes)), missing, strict=True)
            if more
        ]

    def _growing(self, stored: Features, rows: Indices, missing: int, scaler: Scaler) -> GrowingClass:
        """Scaled in double precision: in single precision, rows of a tight cluster would become equal."""
        if not isinstance(scaler, Encoder):
            return GrowingClass(rows, nearest_neighbours(scaler.in_double(stored), self.k), missing, None)
        nearest = nearest_neighbours(comparable_rows(stored, scaler), self.k)
        return GrowingClass(rows, nearest, missing, templates_of(stored, nearest, scaler.nominal))


def _joined(growing: list[GrowingClass]) -> Templates | None:
    found = [of_class.templates for of_class in growing if of_class.templates is not None]
    return np.concatenate(found) if found else None
