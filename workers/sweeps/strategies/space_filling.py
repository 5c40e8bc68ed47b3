"""Space-filling designs: points that cover the space more evenly than random ones."""

from typing import Any, Literal

import numpy as np

from workers.randomness import generator
from workers.sweeps.strategies.strategy import Points, PointStrategy
from workers.tagged_union import Seed, variant


@variant
class Sobol(PointStrategy):
    """The first points of a scrambled Sobol sequence: every part of the space gets its share of them.

    Source: Sobol 1967; Owen 1998, Scrambling Sobol' and Niederreiter-Xing points. Points: scipy.stats.qmc.Sobol.
    """

    name: Literal["sobol"] = "sobol"
    seed: Seed = 0

    def points(self, count: int, dimensions: int) -> Points:
        sequence = _qmc().Sobol(dimensions, scramble=True, rng=generator(self.seed, "sweeps"))
        return np.asarray(sequence.random_base2((count - 1).bit_length())[:count])


@variant
class LatinHypercube(PointStrategy):
    """One candidate in each of n equal slices of every range.

    Source: McKay, Beckman & Conover 1979. Points: scipy.stats.qmc.LatinHypercube.
    """

    name: Literal["latin_hypercube"] = "latin_hypercube"
    seed: Seed = 0

    def points(self, count: int, dimensions: int) -> Points:
        return np.asarray(_qmc().LatinHypercube(dimensions, rng=generator(self.seed, "sweeps")).random(count))


def _qmc() -> Any:
    """Imported when it is used: it takes a second, and 60 MB."""
    from scipy.stats import qmc

    return qmc
