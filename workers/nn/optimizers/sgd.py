"""Stochastic gradient descent, with the three methods that are called momentum."""

from typing import Literal

import numpy as np

from workers.nn.arrays import Array, Bits
from workers.nn.optimizers.optimizer import Optimizer, State, add_momentum, add_scaled
from workers.tagged_union import Fraction, NonNegative, Positive, variant


@variant
class SGD(Optimizer):
    """Stochastic gradient descent with momentum m, in three forms.

    heavy_ball: v = m v + g; w -= lr v. nesterov: the same v; w -= lr (g + m v).
    ema: v = m v + (1-m) g; w -= lr v, where `ema_init` starts v at zero or at the first gradient.
    When: if you can search its learning rate, which depends on data and network.
    Source: Polyak 1964; Nesterov 1983, as in Sutskever et al. 2013. Oracle: torch.optim.SGD
    (ema with first_gradient is its dampening=m; ema with zero is heavy_ball with lr (1-m)).
    """

    name: Literal["sgd"] = "sgd"
    learning_rate: Positive = 0.01
    momentum: Fraction = 0.0
    momentum_form: Literal["heavy_ball", "nesterov", "ema"] = "heavy_ball"
    ema_init: Literal["zero", "first_gradient"] = "zero"
    weight_decay: NonNegative = 0.0

    def init(self, parameters: Array) -> State:
        return {"velocity": np.zeros_like(parameters)} if self.momentum else {}

    def move(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        step: int,
        learning_rate: float,
        rounded: Bits | None,
    ) -> None:
        if not self.momentum:
            add_scaled(parameters, gradient, -learning_rate, rounded)
            return
        dampened = self.momentum_form == "ema" and not (step == 1 and self.ema_init == "first_gradient")
        add_momentum(
            parameters,
            gradient,
            state["velocity"],
            self.momentum,
            1 - self.momentum if dampened else 1.0,
            self.momentum_form == "nesterov",
            learning_rate,
            rounded,
        )
