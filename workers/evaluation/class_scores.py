"""What metrics of ranks take: the scores of all classes on each row."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workers.evaluation.ranking import Areas, areas
from workers.nn import kernels
from workers.nn.arrays import Array, Integers


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores (N, K) of each class on each row, and the labels (N,).

    distribution: whether the scores are the logits of a softmax. Rows are then ranked by the odds of a class,
    p / (1 - p); otherwise by its score.
    """

    scores: Array
    labels: Integers
    distribution: bool

    @cached_property
    def areas(self) -> Areas:
        """Of each class against the rest."""
        rows, classes = self.scores.shape
        by_class = np.empty((classes, rows), self.scores.dtype)
        if self.distribution:
            kernels.current().odds(np.ascontiguousarray(self.scores), by_class)
        else:
            by_class[:] = self.scores.T
        return areas(by_class, self.labels)

    @cached_property
    def places(self) -> Integers:
        """How many classes have a better score than the true one (N,); of equal ones, the first is the better."""
        places = np.empty(len(self.labels), np.int64)
        scores, labels = np.ascontiguousarray(self.scores), np.ascontiguousarray(self.labels, np.int64)
        kernels.current().place(scores, labels, places)
        return places
