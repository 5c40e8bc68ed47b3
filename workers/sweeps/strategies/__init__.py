"""Every strategy that a sweep can name."""

from typing import Annotated

from workers.sweeps.strategies.grid import Grid
from workers.sweeps.strategies.halving import SuccessiveHalving
from workers.sweeps.strategies.random_search import Random
from workers.sweeps.strategies.space_filling import LatinHypercube, Sobol
from workers.sweeps.strategies.strategy import DEFAULT_CANDIDATES, MOST_CANDIDATES, Strategy
from workers.tagged_union import ByName

AnyStrategy = Annotated[Grid | Random | Sobol | LatinHypercube | SuccessiveHalving, ByName()]

__all__ = [
    "DEFAULT_CANDIDATES",
    "MOST_CANDIDATES",
    "AnyStrategy",
    "Grid",
    "LatinHypercube",
    "Random",
    "Sobol",
    "Strategy",
    "SuccessiveHalving",
]
