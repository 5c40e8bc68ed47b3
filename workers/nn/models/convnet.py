"""A small convolutional network for images."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from workers.nn.activations import AnyActivation, Relu
from workers.nn.arrays import Shape
from workers.nn.initializers import AnyInitializer
from workers.nn.layers.batch_norm import BatchNorm
from workers.nn.layers.conv2d import Conv2D
from workers.nn.layers.layer import Layer
from workers.nn.layers.max_pool import MaxPool2D
from workers.nn.layers.reshape import Reshape
from workers.nn.models.mlp import MLP
from workers.nn.models.model import Hidden, Model, Task, UnsuitableModelError, Width, default_initializer
from workers.tagged_union import Flag, Fraction, variant

Filters = Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]
Side = Annotated[int, Field(strict=True, ge=1, le=32)]


@variant
class ConvNet(Model):
    """A convolutional network for images: per stage Conv2D -> [batch norm] -> activation -> MaxPool2D, then an MLP.

    `filters` lists the channels of the stages; `kernel` and `pool` are side lengths (pool 1: no pooling).
    Convolutions keep the image size. `dropout` comes before every dense layer. Other fields are as in mlp.

    When: for images.
    """

    name: Literal["convnet"] = "convnet"
    filters: Filters = (16, 32)
    kernel: Side = 3
    pool: Side = 2
    hidden: Hidden = (64,)
    activation: AnyActivation = Relu()
    dropout: Fraction = 0.0
    batch_norm: Flag = False
    initializer: AnyInitializer | None = None

    def layers(self, task: Task, dropout: np.random.Generator) -> list[Layer]:
        height, width, channels = self._image_shape(task)
        layers: list[Layer] = [Reshape((height, width, channels))]
        for filters in self.filters:
            layers += self._stage(channels, filters)
            height, width, channels = height // self.pool, width // self.pool, filters
        flat = height * width * channels
        classifier = MLP(
            hidden=self.hidden,
            activation=self.activation,
            dropout=self.dropout,
            input_dropout=self.dropout,
            batch_norm=self.batch_norm,
            initializer=self.initializer,
        )
        return [*layers, Reshape((flat,)), *classifier.layers(replace(task, features=flat), dropout)]

    def _image_shape(self, task: Task) -> Shape:
        if task.image_shape is None:
            raise UnsuitableModelError(
                "a convnet needs images, and the rows of this data set have no image shape"
            )
        height, width, _ = task.image_shape
        if min(height, width) < self.pool ** len(self.filters):
            raise UnsuitableModelError(
                f"an image of {height} x {width} cannot be pooled by {self.pool} "
                f"{len(self.filters)} times: give fewer filters, or a smaller pool"
            )
        return task.image_shape

    def _stage(self, channels: int, filters: int) -> list[Layer]:
        initializer = self.initializer or default_initializer(self.activation)
        kernel = (self.kernel, self.kernel)
        pool: list[Layer] = [MaxPool2D(self.pool)] if self.pool > 1 else []
        if self.batch_norm:
            convolution = Conv2D(channels, filters, kernel=kernel, initializer=initializer, bias=False)
            return [convolution, BatchNorm(filters, activation=self.activation), *pool]
        convolution = Conv2D(
            channels, filters, kernel=kernel, initializer=initializer, activation=self.activation
        )
        return [convolution, *pool]
