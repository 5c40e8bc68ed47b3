"""Every model that a spec can name, one per file."""

from typing import Annotated

from workers.nn.models.convnet import ConvNet
from workers.nn.models.linear import Linear
from workers.nn.models.mlp import MLP
from workers.nn.models.model import Model, Task, UnsuitableModelError
from workers.tagged_union import ByName

AnyModel = Annotated[MLP | ConvNet | Linear, ByName(default="mlp")]

__all__ = ["MLP", "AnyModel", "ConvNet", "Linear", "Model", "Task", "UnsuitableModelError"]
