"""The interface of a balancing: it chooses the rows of the training part that make up an epoch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.nn.arrays import Integers

ExpectedCounts = NDArray[np.float64]
Growth = Annotated[float, Field(strict=True, ge=1)]


@dataclass(frozen=True, eq=False)
class Draw:
    """The rows (m,) of one epoch, indices into the training part, in the order of training.

    With `partners` and `mixing` (m,), an example is x + mixing (x_partner - x), of scaled rows. The categories and
    gaps of a table lie between no two others: an example with mixing > 0 has those of `templates[template]`,
    templates (s, d) and template (m,).
    """

    rows: Indices
    partners: Indices | None = None
    mixing: NDArray[np.float32] | None = None
    templates: NDArray[np.float32] | None = None
    template: Indices | None = None

    def agreed(self, batch: slice) -> NDArray[np.float32] | None:
        """The templates (m, d) of the examples of a batch; None without templates."""
        if self.templates is None or self.template is None:
            return None
        return self.templates[self.template[batch]]

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take."""
        return sum(array.nbytes for array in vars(self).values() if array is not None)

    def __len__(self) -> int:
        return len(self.rows)


Sampler = Callable[[np.random.Generator, np.random.Generator], Draw]
"""(resampling, shuffling) -> the rows of one epoch. It keeps no state between epochs."""


class Balancing(ABC):
    """Changes how often classes are seen in training; validation and test are never balanced."""

    name: str

    @abstractmethod
    def expected_counts(self, counts: Integers) -> ExpectedCounts:
        """Expected examples of each class per epoch (K,), for training counts (K,)."""

    def epoch_rows(self, counts: Integers) -> int:
        """Examples in every epoch, for training counts (K,)."""
        return round(float(self.expected_counts(counts).sum()))

    def require(self, counts: Integers, classes: Sequence[str]) -> None:
        """Raise TooFewRows if training counts (K,) do not allow this balancing."""
        return

    @abstractmethod
    def prepare(self, training: Dataset, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        """The sampler of a training part, made once per run: rows drawn here are the same in every epoch.

        A resumed run must pass a `generator` in the same state as the first attempt.
        """


def target_counts(counts: Integers, towards: int, ratio: float) -> ExpectedCounts:
    """n_k^(1-g) towards^g, g = ratio: counts (K,) unchanged at 0, all equal at 1. An absent class stays absent."""
    present = counts > 0
    return np.where(present, np.maximum(counts, 1) ** (1 - ratio) * float(towards) ** ratio, 0.0)


def grown_counts(counts: Integers, ratio: float, max_growth: float | None) -> ExpectedCounts:
    """Whole target counts towards the largest class, each at most `max_growth` times its original count."""
    targets = np.rint(target_counts(counts, counts.max(), ratio))
    if max_growth is not None:
        targets = np.minimum(targets, np.floor(max_growth * counts))
    return targets
