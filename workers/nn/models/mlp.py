"""The multilayer perceptron; without hidden layers it is softmax regression."""

from typing import Literal

import numpy as np

from workers.nn.activations import AnyActivation, Relu
from workers.nn.initializers import AnyInitializer, GlorotUniform
from workers.nn.layers.batch_norm import BatchNorm
from workers.nn.layers.dense import Dense
from workers.nn.layers.dropout import Dropout
from workers.nn.layers.layer import Layer
from workers.nn.layers.layer_norm import LayerNorm
from workers.nn.models.model import Hidden, Model, Task, default_initializer
from workers.tagged_union import Flag, Fraction, variant


@variant
class MLP(Model):
    """Fully connected: per hidden layer Dense -> [batch or layer norm] -> activation -> [dropout].

    `hidden` lists the widths. An empty list gives softmax regression. The default `initializer` is he_normal
    before rectifying activations, and glorot_uniform before others and in the last layer.

    When: for tables, and for small images whose content is centred.
    """

    name: Literal["mlp"] = "mlp"
    hidden: Hidden = (128,)
    activation: AnyActivation = Relu()
    dropout: Fraction = 0.0
    input_dropout: Fraction = 0.0
    batch_norm: Flag = False
    layer_norm: Flag = False
    initializer: AnyInitializer | None = None

    def __post_init__(self) -> None:
        if self.batch_norm and self.layer_norm:
            raise ValueError("batch_norm and layer_norm exclude each other")

    def layers(self, task: Task, dropout: np.random.Generator) -> list[Layer]:
        layers = _dropout(self.input_dropout, dropout)
        inputs = task.features
        for width in self.hidden:
            layers += self._hidden_layer(inputs, width) + _dropout(self.dropout, dropout)
            inputs = width
        return [*layers, task.head(inputs, self.initializer or GlorotUniform())]

    def _hidden_layer(self, inputs: int, width: int) -> list[Layer]:
        initializer = self.initializer or default_initializer(self.activation)
        if self.batch_norm:
            dense = Dense(inputs, width, initializer=initializer, bias=False)
            return [dense, BatchNorm(width, activation=self.activation)]
        if self.layer_norm:
            return [
                Dense(inputs, width, initializer=initializer),
                LayerNorm(width, activation=self.activation),
            ]
        return [Dense(inputs, width, initializer=initializer, activation=self.activation)]


def _dropout(rate: float, generator: np.random.Generator) -> list[Layer]:
    return [Dropout(rate, generator)] if rate else []
