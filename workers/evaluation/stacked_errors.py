"""The errors of many candidates on the same rows, several candidates to a matrix.

A product with drawn weights, and the metrics of what it gives, take NumPy and SciPy about as long for forty small
candidates as for one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from workers.evaluation.bootstrap import Floats
from workers.evaluation.paired_bootstrap import changes_of_errors
from workers.nn.arrays import Integers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CELLS = 1_000_000
"""At most so many numbers, unless it is a single candidate, has the product of a matrix with 1,000 draws."""
DRAWS = 1000


@dataclass(frozen=True, eq=False)
class StackedErrors:
    """What the errors of some candidates change in the margins of each of their seeds, in the order of both.

    errors: as `paired_bootstrap.changes_of_errors` returns it for all seeds together, (seeds x 2 x K, N).
    ends: of each candidate, the numbers of its first seed and of the one after its last.
    """

    errors: "csr_array"
    ends: Sequence[tuple[int, int]]
    classes: int

    @staticmethod
    def of(candidates: Sequence[Integers], labels: Integers, classes: int) -> "list[StackedErrors]":
        """The predictions (S, N) of each candidate, in as many matrices as they need. labels: (N,)."""
        most = max(1, CELLS // (2 * classes * DRAWS))
        stacks: list[list[Integers]] = []
        seeds = most
        for each in candidates:
            if seeds + len(each) > most:
                stacks.append([])
                seeds = 0
            stacks[-1].append(each)
            seeds += len(each)
        return [_stacked(each, labels, classes) for each in stacks]

    def __len__(self) -> int:
        return len(self.ends)

    def of_candidate(self, place: int) -> "csr_array":
        """The errors of one of the candidates alone."""
        first, end = (2 * self.classes * seed for seed in self.ends[place])
        return self.errors[first:end]

    def split(self, values: Floats) -> Iterator[Floats]:
        """The values of each candidate, (S, ...), among those of all seeds."""
        return (values[first:end] for first, end in self.ends)


def _stacked(candidates: Sequence[Integers], labels: Integers, classes: int) -> StackedErrors:
    ends = list(pairwise(accumulate(map(len, candidates), initial=0)))
    return StackedErrors(changes_of_errors(np.concatenate(candidates), labels, classes), ends, classes)
