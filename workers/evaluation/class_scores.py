"""What metrics of ranks take: the scores of all classes on each row."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workers.evaluation.ranking import Areas, RowsByClass, areas
from workers.nn import kernels
from workers.nn.arrays import Array, Integers


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores (N, K) of each class on each row, and the labels (N,).

    ranked: (K, N), the scores by which the rows are ranked for each class. measured: their areas and the places, if
    they are known already.
    """

    scores: Array
    labels: Integers
    ranked: Array
    by_class: RowsByClass
    measured: tuple[Areas, Integers] | None = None

    @staticmethod
    def of(
        scores: Array,
        labels: Integers,
        odds: Array | None = None,
        by_class: RowsByClass | None = None,
    ) -> "ClassScores":
        """odds: those of a softmax (`RowScores`), whose rows are ranked by them; others are by their scores."""
        ranked = np.array(scores.T, order="C") if odds is None else odds
        return ClassScores(scores, labels, ranked, by_class or RowsByClass.of(labels, scores.shape[1]))

    @cached_property
    def areas(self) -> Areas:
        """Of each class against the rest."""
        return self.measured[0] if self.measured else areas(self.ranked, self.by_class)

    @cached_property
    def places(self) -> Integers:
        """How many classes have a better score than the true one (N,); of equal ones, the first is the better."""
        if self.measured:
            return self.measured[1]
        places = np.empty(len(self.labels), np.int64)
        scores, labels = np.ascontiguousarray(self.scores), np.ascontiguousarray(self.labels, np.int64)
        kernels.current().place(scores, labels, places)
        return places
