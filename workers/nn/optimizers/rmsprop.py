"""RMSprop."""

from typing import Literal

import numpy as np

from workers.nn.arrays import Array
from workers.nn.optimizers.optimizer import Optimizer, State
from workers.variant import Flag, Fraction, NonNegative, Positive, variant


@variant
class RMSprop(Optimizer):
    """v = a v + (1-a) g^2, a = alpha; w -= lr g / (sqrt(v) + epsilon).

    `centered` subtracts the square of the gradient's running mean from v: an estimate of its variance.
    With momentum m: u = m u + g / (sqrt(v) + epsilon); w -= lr u.
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
        needed = ["square"] + ["mean"] * self.centered + ["velocity"] * (self.momentum > 0)
        return {name: np.zeros_like(parameters) for name in needed}

    def move(self, parameters: Array, gradient: Array, state: State, step: int, learning_rate: float) -> None:
        gradient /= self._scale(gradient, state)
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += gradient
            gradient[:] = velocity
        gradient *= learning_rate
        parameters -= gradient

    def _scale(self, gradient: Array, state: State) -> Array:
        """sqrt(v) + epsilon, after v has taken the gradient in; `scratch` is the one array allocated."""
        square, scratch = state["square"], gradient * gradient
        _average(square, scratch, self.alpha)
        if self.centered:
            scratch[:] = gradient
            _average(state["mean"], scratch, self.alpha)
            np.square(state["mean"], out=scratch)
            np.subtract(square, scratch, out=scratch)
            np.maximum(scratch, 0, out=scratch)  # a variance near 0 may round to less
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(square, out=scratch)
        scratch += self.epsilon
        return scratch


def _average(running: Array, values: Array, decay: float) -> None:
    """Set running = decay running + (1 - decay) values; the values are lost."""
    values *= 1 - decay
    running *= decay
    running += values
