"""Random search: each candidate is drawn by itself."""

from typing import Literal

from workers.randomness import generator
from workers.sweeps.strategies.strategy import Points, PointStrategy
from workers.tagged_union import Seed, variant


@variant
class Random(PointStrategy):
    """Draws the values of each candidate independently.

    Source: Bergstra & Bengio 2012, Random search for hyper-parameter optimization.
    """

    name: Literal["random"] = "random"
    seed: Seed = 0

    def points(self, count: int, dimensions: int) -> Points:
        return generator(self.seed, "sweeps").random((count, dimensions))
