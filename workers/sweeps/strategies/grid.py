"""The grid: every combination of the values of each range."""

from collections.abc import Iterator
from itertools import islice
from typing import Literal

from workers.sweeps.space import Space, Values
from workers.sweeps.strategies.strategy import MOST_CANDIDATES, DrawnStrategy
from workers.tagged_union import variant
from workers.validation.errors import FieldError


@variant
class Grid(DrawnStrategy):
    """Every combination of the values, in the order of the space; a range of numbers needs `levels`."""

    name: Literal["grid"] = "grid"

    def faults(self, space: Space, candidates: int | None) -> Iterator[FieldError]:
        endless = [each for each in space.dimensions if each.range.grid() is None]
        for each in endless:
            message = (
                'a grid needs "levels" here: how many of the numbers to try; or choose the strategy random'
            )
            yield FieldError(each.place, None, message)
        most = candidates or MOST_CANDIDATES
        if not endless and sum(1 for _ in islice(space.grid(), most + 1)) > most:
            message = f"the grid has more than {most:,} candidates; take fewer values, or the strategy random"
            yield FieldError("candidates", candidates, message)

    def propose(self, space: Space, candidates: int | None) -> list[Values]:
        return list(space.grid())
