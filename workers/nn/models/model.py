"""The base class of models, which list the layers for a task; and the task, which data and loss determine."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from workers.nn.activations import Activation, Gelu, LeakyRelu, Relu
from workers.nn.arrays import Shape
from workers.nn.initializers import GlorotUniform, HeNormal, Initializer
from workers.nn.layers.cosine_classifier import CosineDense
from workers.nn.layers.dense import Dense
from workers.nn.layers.layer import Layer
from workers.nn.output_layers import Output

Width = Annotated[int, Field(strict=True, ge=1, le=65_536)]
Hidden = Annotated[tuple[Width, ...], Field(max_length=32)]

RECTIFIERS = (Relu, LeakyRelu, Gelu)
"""Activations that pass about half of a symmetric input. He's variance compensates for the other half."""


def default_initializer(activation: Activation) -> Initializer:
    """The initializer for a layer before `activation`, if the spec names none."""
    return HeNormal() if isinstance(activation, RECTIFIERS) else GlorotUniform()


class UnsuitableModelError(ValueError):
    """The model does not fit the data set."""


@dataclass(frozen=True)
class Task:
    """What the data set and the loss require of a network.

    features: the length of a row. classes: the number of logits. image_shape: (height, width, channels) if the rows
    are flattened images. output: the output layer. scale: the factor on the similarities if `output` is "cosine".
    """

    features: int
    classes: int
    image_shape: Shape | None = None
    output: Output = "softmax"
    scale: float = 1.0

    def head(self, inputs: int, initializer: Initializer) -> Layer:
        """The last layer, from `inputs` features to the logits."""
        if self.output == "cosine":
            return CosineDense(inputs, self.classes, scale=self.scale, initializer=initializer)
        return Dense(inputs, self.classes, initializer=initializer)


class Model(ABC):
    """The part of a network's architecture that a spec describes. The task determines the rest."""

    name: str
    solved: ClassVar[bool] = False
    """Whether a solver finds the weights, and not an optimizer in epochs of steps."""
    batch_norm: bool = False

    @abstractmethod
    def layers(self, task: Task, dropout: np.random.Generator) -> list[Layer]:
        """The layers from a row (features,) to the logits (classes,), not yet bound to parameters.

        `dropout` is the generator of the dropout masks. Raises UnsuitableModelError if the model does not fit the
        task.
        """
