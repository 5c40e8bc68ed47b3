"""What every corruption declares: its name and a level for each severity."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
R = TypeVar("R")

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption(Generic[R]):
    """Corrupts rows of a kind R. levels: what the severities 1 to 5 mean to `apply`, in the unit of its formula."""

    name: str
    levels: tuple[float, float, float, float, float]
    apply: Callable[[R, float, np.random.Generator], Floats]

    def __call__(self, rows: R, severity: int, stream: np.random.Generator) -> Floats:
        """Corrupt the rows. The severities of one stream draw the same numbers, so a higher one goes further."""
        return self.apply(rows, self.levels[severity - 1], stream)
