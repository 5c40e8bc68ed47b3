"""Deliberate imbalance: removes rows of the later classes of a data set."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.data.dataset import Indices, rows_by_class
from workers.nn.arrays import Integers
from workers.tagged_union import variant


@variant
class Imbalance:
    """Keeps a share of each class k = 0 .. K-1, but at least one row.

    step: the upper half of the classes (2k >= K) keeps 1/ratio of its rows, the lower half all.
    exponential: class k keeps ratio^(-k/(K-1)), from all of the first to 1/ratio of the last.
    `parts` says where rows are removed: from the training part after the split, so that validation still
    measures every class, or from all rows before it. Never from an official test part.
    Source: Cui et al. 2019; Cao et al. 2019 (long-tailed and step imbalance).
    """

    kind: Literal["step", "exponential"] = "step"
    ratio: Annotated[float, Field(strict=True, ge=1)] = 10.0
    parts: Literal["training", "all"] = "training"

    def kept_counts(self, counts: Integers) -> NDArray[np.int64]:
        """How many of the `counts` (K,) rows of each class stay, shape (K,)."""
        k, classes = np.arange(len(counts)), len(counts)
        if self.kind == "step":
            share = np.where(2 * k >= classes, 1 / self.ratio, 1.0)
        else:
            share = self.ratio ** (-k / (classes - 1))
        return np.minimum(counts, np.maximum(1, np.rint(counts * share))).astype(np.int64)

    def thin(self, labels: Integers, classes: int, rows: Indices, generator: np.random.Generator) -> Indices:
        """The ones of `rows`, indices into `labels`, that stay: drawn without replacement, ascending."""
        counts = np.bincount(labels[rows], minlength=classes)
        return draw(labels, rows, self.kept_counts(counts), generator)


def draw(labels: Integers, rows: Indices, counts: Integers, generator: np.random.Generator) -> Indices:
    """Draw `counts` (K,) of the `rows` of each class, without replacement, ascending."""
    members = [rows[positions] for positions in rows_by_class(labels[rows], len(counts))]
    drawn = [
        generator.choice(of_class, size=count, replace=False)
        for of_class, count in zip(members, counts, strict=True)
    ]
    return np.sort(np.concatenate(drawn))
