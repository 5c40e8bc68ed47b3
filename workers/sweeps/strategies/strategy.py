"""A strategy chooses the candidates of a sweep from its space. The same seed chooses the same ones."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.sweeps.space import Space, Values
from workers.tagged_union import Seed
from workers.validation.errors import FieldError

MOST_CANDIDATES = 1000
DEFAULT_CANDIDATES = 16
Points = NDArray[np.float64]
"""Points of the unit cube, (n, d): a coordinate for each dimension."""


@dataclass(frozen=True)
class Bracket:
    """Candidates that are compared with each other, by their numbers. rungs: after which epochs, ascending."""

    numbers: range
    rungs: Sequence[int]


class Strategy(ABC):
    """Chooses the candidates of a sweep."""

    name: str

    def faults(self, space: Space, candidates: int | None) -> Iterator[FieldError]:
        """What in a space this strategy cannot work with."""
        return iter(())

    def brackets(self, epochs: int, candidates: int) -> Sequence[Bracket]:
        """Which candidates are compared so that only some of them go on; none if all train to their end."""
        return ()


class DrawnStrategy(Strategy):
    """Chooses all candidates before any of them is trained."""

    @abstractmethod
    def propose(self, space: Space, candidates: int | None) -> list[Values]:
        """The values of each candidate. Some may be the same."""


class PointStrategy(DrawnStrategy):
    """Draws points of the unit cube, and takes the values of each range at its coordinate."""

    seed: Seed

    @abstractmethod
    def points(self, count: int, dimensions: int) -> Points:
        """The points (count, dimensions)."""

    def propose(self, space: Space, candidates: int | None) -> list[Values]:
        points = self.points(candidates or DEFAULT_CANDIDATES, len(space.dimensions))
        return [space.at(point) for point in points.tolist()]
