"""The balancing variants that a spec can name. A new one goes into a file here, and into the union below."""

from typing import Annotated

from workers.data.balancing.balancing import Balancing, Draw, Sampler
from workers.data.balancing.resampling import (
    BalancedBatches,
    NoBalancing,
    Oversample,
    Resampling,
    Undersample,
    WeightedSampler,
)
from workers.data.balancing.smote import Smote
from workers.tagged_union import ByName

AnyBalancing = Annotated[Resampling | Smote, ByName()]

__all__ = [
    "AnyBalancing",
    "BalancedBatches",
    "Balancing",
    "Draw",
    "NoBalancing",
    "Oversample",
    "Sampler",
    "Smote",
    "Undersample",
    "WeightedSampler",
]
