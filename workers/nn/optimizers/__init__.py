"""Every optimizer that a spec can name."""

from typing import Annotated

from workers.nn.optimizers.adam import Adam, AdamW
from workers.nn.optimizers.optimizer import Optimizer, State
from workers.nn.optimizers.rmsprop import RMSprop
from workers.nn.optimizers.sgd import SGD
from workers.tagged_union import ByName

AnyOptimizer = Annotated[SGD | Adam | AdamW | RMSprop, ByName()]

__all__ = ["SGD", "Adam", "AdamW", "AnyOptimizer", "Optimizer", "RMSprop", "State"]
