"""Successive halving: all candidates train a little, the best part of them more, and the last ones to the end."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from workers.sweeps.space import Space, Values
from workers.sweeps.strategies.grid import Grid
from workers.sweeps.strategies.random_search import Random
from workers.sweeps.strategies.space_filling import LatinHypercube, Sobol
from workers.sweeps.strategies.strategy import DrawnStrategy
from workers.tagged_union import Count, Seed, variant
from workers.validation.errors import FieldError

EPOCHS = "training.epochs"


@variant
class SuccessiveHalving(DrawnStrategy):
    """Of the candidates that reach a rung, the best 1 / `eta` go on from their checkpoints; the others are cancelled.

    Rungs are at R, R / eta, R / eta^2, ... epochs, down to `min_epochs` or until one candidate is left. The schedule
    of the learning rate is that of all R epochs. draw: how the candidates are chosen.
    Source: Jamieson & Talwalkar 2016, Non-stochastic best arm identification and hyperparameter optimization.
    """

    name: Literal["successive_halving"] = "successive_halving"
    eta: Annotated[int, Field(strict=True, ge=2, le=10)] = 3
    min_epochs: Count = 1
    draw: Literal["random", "sobol", "latin_hypercube", "grid"] = "random"
    seed: Seed = 0

    def faults(self, space: Space, candidates: int | None) -> Iterator[FieldError]:
        yield from self._drawn_by().faults(space, candidates)
        for each in space.dimensions:
            if each.path == EPOCHS:
                message = "halving compares candidates after the same epochs: leave them out of the space"
                yield FieldError(each.place, None, message)

    def propose(self, space: Space, candidates: int | None) -> list[Values]:
        return self._drawn_by().propose(space, candidates)

    def rungs(self, epochs: int, candidates: int) -> Sequence[int]:
        """The epochs after which candidates are compared, ascending, of which each has `epochs` to train in all."""
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
