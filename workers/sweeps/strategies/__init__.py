"""Every strategy that a sweep can name."""

from typing import Annotated

from workers.sweeps.strategies.adaptive import AdaptiveStrategy, CandidateOutcome, Drawn, Package
from workers.sweeps.strategies.grid import Grid
from workers.sweeps.strategies.halving import HalvingStrategy, Hyperband, SuccessiveHalving
from workers.sweeps.strategies.optuna_search import OptunaSearch, TreeParzen
from workers.sweeps.strategies.random_search import Random
from workers.sweeps.strategies.space_filling import LatinHypercube, Sobol
from workers.sweeps.strategies.strategy import (
    DEFAULT_CANDIDATES,
    MOST_CANDIDATES,
    Bracket,
    DrawnStrategy,
    Strategy,
)
from workers.tagged_union import ByName

AnyAdaptive = TreeParzen | OptunaSearch
AnyStrategy = Annotated[
    Grid | Random | Sobol | LatinHypercube | SuccessiveHalving | Hyperband | AnyAdaptive, ByName()
]

__all__ = [
    "DEFAULT_CANDIDATES",
    "MOST_CANDIDATES",
    "AdaptiveStrategy",
    "AnyAdaptive",
    "AnyStrategy",
    "Bracket",
    "CandidateOutcome",
    "Drawn",
    "DrawnStrategy",
    "Grid",
    "HalvingStrategy",
    "Hyperband",
    "LatinHypercube",
    "OptunaSearch",
    "Package",
    "Random",
    "Sobol",
    "Strategy",
    "SuccessiveHalving",
    "TreeParzen",
]
