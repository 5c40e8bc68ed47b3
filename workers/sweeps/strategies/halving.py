"""Successive halving: all candidates train a little, the best part of them more, and the last ones to the end.

Hyperband does it several times, with more candidates that train less at first, and with fewer that train more.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Literal

from pydantic import Field

from workers.sweeps.space import Space, Values
from workers.sweeps.strategies.grid import Grid
from workers.sweeps.strategies.random_search import Random
from workers.sweeps.strategies.space_filling import LatinHypercube, Sobol
from workers.sweeps.strategies.strategy import MOST_CANDIDATES, Bracket, DrawnStrategy
from workers.tagged_union import Count, Seed, variant
from workers.validation.errors import FieldError

EPOCHS = "training.epochs"
Eta = Annotated[int, Field(strict=True, ge=2, le=10)]


class HalvingStrategy(DrawnStrategy):
    """Of the candidates of a bracket that reach a rung, the best 1 / `eta` go on; the others are cancelled."""

    eta: int
    min_epochs: int
    draw: str
    seed: int

    def faults(self, space: Space, candidates: int | None) -> Iterator[FieldError]:
        yield from self._drawn_by().faults(space, candidates)
        for each in space.dimensions:
            if each.path == EPOCHS:
                message = "halving compares candidates after the same epochs: leave them out of the space"
                yield FieldError(each.place, None, message)

    def propose(self, space: Space, candidates: int | None) -> list[Values]:
        return self._drawn_by().propose(space, candidates)

    def rungs(self, epochs: int, candidates: int) -> Sequence[int]:
        """The epochs after which so many candidates are compared, ascending, of which each has `epochs` in all."""
        found: list[int] = []
        length, left = epochs, candidates
        while left >= self.eta and length // self.eta >= self.min_epochs:
            length, left = length // self.eta, left // self.eta
            found.append(length)
        return found[::-1]

    def survivors(self, candidates: int) -> int:
        """How many of so many candidates go on."""
        return max(1, candidates // self.eta)

    def _drawn_by(self) -> DrawnStrategy:
        by_name: dict[str, DrawnStrategy] = {
            "grid": Grid(),
            "random": Random(seed=self.seed),
            "sobol": Sobol(seed=self.seed),
            "latin_hypercube": LatinHypercube(seed=self.seed),
        }
        return by_name[self.draw]


@variant
class SuccessiveHalving(HalvingStrategy):
    """Of the candidates that reach a rung, the best 1 / `eta` go on from their checkpoints; the others are cancelled.

    Rungs are at R, R / eta, R / eta^2, ... epochs, down to `min_epochs` or until one candidate is left. The schedule
    of the learning rate is that of all R epochs. draw: how the candidates are chosen.
    Source: Jamieson & Talwalkar 2016, Non-stochastic best arm identification and hyperparameter optimization.
    """

    name: Literal["successive_halving"] = "successive_halving"
    eta: Eta = 3
    min_epochs: Count = 1
    draw: Literal["random", "sobol", "latin_hypercube", "grid"] = "random"
    seed: Seed = 0

    def brackets(self, epochs: int, candidates: int) -> Sequence[Bracket]:
        return [Bracket(range(candidates), self.rungs(epochs, candidates))]


@variant
class Hyperband(HalvingStrategy):
    """Successive halving in several brackets: the first begins with many candidates at few epochs, the last lets few
    train to their end. So it does not depend on how early the best candidates show.

    Without a number of candidates, it is what gives each bracket the same epochs. Candidates are compared within
    their bracket. `eta`, `min_epochs` and `draw` are those of successive halving.
    Source: Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar 2018, Hyperband.
    """

    name: Literal["hyperband"] = "hyperband"
    eta: Eta = 3
    min_epochs: Count = 1
    draw: Literal["random", "sobol", "latin_hypercube"] = "random"
    seed: Seed = 0

    def propose(self, space: Space, candidates: int | None) -> list[Values]:
        usual = sum(self._sizes(space.base.training.epochs))
        return super().propose(space, candidates or min(usual, MOST_CANDIDATES))

    def brackets(self, epochs: int, candidates: int) -> Sequence[Bracket]:
        sizes = self._sizes(epochs)
        ends = [round(end * candidates / sum(sizes)) for end in accumulate(sizes)]
        parts = [range(first, end) for first, end in zip([0, *ends], ends, strict=False)]
        most = len(sizes) - 1  # rungs of the first bracket; each following one has one less
        return [
            Bracket(part, self._last(most - index, self.rungs(epochs, len(part))))
            for index, part in enumerate(parts)
        ]

    def _sizes(self, epochs: int) -> list[int]:
        """How many candidates each bracket has, the first one the most."""
        most = len(self.rungs(epochs, self.eta**64))
        return [math.ceil((most + 1) / (s + 1) * self.eta**s) for s in range(most, -1, -1)]

    @staticmethod
    def _last(count: int, rungs: Sequence[int]) -> Sequence[int]:
        return rungs[len(rungs) - count :] if count < len(rungs) else rungs
