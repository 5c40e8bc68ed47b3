"""RMSprop."""

from typing import Literal

import numpy as np

from workers.nn import kernels
from workers.nn.arrays import Array, Bits
from workers.nn.optimizers.optimizer import Optimizer, State, add_momentum, add_scaled
from workers.tagged_union import Flag, Fraction, NonNegative, Positive, variant


@variant
class RMSprop(Optimizer):
    """v = a v + (1-a) g^2, a = alpha; w -= lr g / (sqrt(v) + epsilon).

    `centered` subtracts the square of the gradient's running mean from v: an estimate of its variance.
    With momentum m: u = m u + g / (sqrt(v) + epsilon); w -= lr u.
    When: to repeat work that has used it.
    Source: Tieleman & Hinton 2012, lecture 6.5; Graves 2013 (centered). Oracle: torch.optim.RMSprop.
    """

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: Positive = 0.001
    alpha: Fraction = 0.99
    epsilon: Positive = 1e-8
    momentum: Fraction = 0.0
    centered: Flag = False
    weight_decay: NonNegative = 0.0

    def init(self, parameters: Array) -> State:
        names = ["square"] + ["mean"] * self.centered + ["velocity"] * (self.momentum > 0)
        return {name: np.zeros_like(parameters) for name in names}

    def move(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        step: int,
        learning_rate: float,
        rounded: Bits | None,
    ) -> None:
        kernel, square = kernels.current(), state["square"]
        mean = state["mean"] if self.centered else square
        kernel.divide_by_rms(gradient, square, mean, self.centered, self.alpha, self.epsilon)
        if self.momentum:
            velocity = state["velocity"]
            add_momentum(parameters, gradient, velocity, self.momentum, 1.0, False, learning_rate, rounded)
        else:
            add_scaled(parameters, gradient, -learning_rate, rounded)
