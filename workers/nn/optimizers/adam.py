"""Adam and AdamW."""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import Literal

import numpy as np

from workers.nn import kernels
from workers.nn.arrays import Array, Bits
from workers.nn.optimizers.optimizer import Optimizer, State
from workers.tagged_union import Fraction, NonNegative, Positive, variant


class MomentOptimizer(Optimizer):
    """The step that Adam and AdamW share. They differ in the weight decay."""

    beta1: float
    beta2: float
    epsilon: float
    epsilon_placement: Literal["published", "fused"] = "published"

    def init(self, parameters: Array) -> State:
        return {"first_moment": np.zeros_like(parameters), "second_moment": np.zeros_like(parameters)}

    def move(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        step: int,
        learning_rate: float,
        rounded: Bits | None,
    ) -> None:
        step_size, epsilon = self.corrected(step, learning_rate)
        moments = state["first_moment"], state["second_moment"]
        arguments = parameters, gradient, *moments, self.beta1, self.beta2, step_size, epsilon
        if rounded is None:
            kernels.current().adam(*arguments)
        else:
            kernels.current().adam_rounded(*arguments, rounded)

    def corrected(self, step: int, learning_rate: float) -> tuple[float, float]:
        """The step size and the epsilon beside sqrt(v): the bias corrections of mhat and vhat in two numbers."""
        correction = sqrt(1 - self.beta2**step)
        size = learning_rate * correction / (1 - self.beta1**step)
        return size, self.epsilon * (correction if self.epsilon_placement == "published" else 1)

    def corrected_all(self, steps: range, learning_rates: Sequence[float]) -> tuple[Array, Array]:
        """The same (S,) of consecutive steps, to the same bits."""
        of_second, of_first = _corrections(self.beta1, self.beta2, steps)
        epsilons = of_second if self.epsilon_placement == "published" else np.ones(len(steps))
        return np.array(learning_rates) * of_second / of_first, self.epsilon * epsilons


@lru_cache(maxsize=128)
def _corrections(beta1: float, beta2: float, steps: range) -> tuple[Array, Array]:
    """sqrt(1 - beta2^t) and 1 - beta1^t, (S,): the candidates of a sweep share them."""
    of_second = np.array([sqrt(1 - beta2**step) for step in steps])
    return of_second, np.array([1 - beta1**step for step in steps])


@variant
class Adam(MomentOptimizer):
    """m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; w -= lr mhat / (sqrt(vhat) + epsilon).

    mhat = m / (1-b1^t), vhat = v / (1-b2^t). With `epsilon_placement` fused, epsilon is added to sqrt(v) instead, as
    in the lr_t form at the end of the paper's section 2. Weight decay is coupled: it enters both moments.
    When: to begin with: its default learning rate is rarely far off.
    Source: Kingma & Ba 2015, Adam, Algorithm 1. Oracle: torch.optim.Adam; scikit-learn's MLP for fused.
    """

    name: Literal["adam"] = "adam"
    learning_rate: Positive = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    epsilon_placement: Literal["published", "fused"] = "published"
    weight_decay: NonNegative = 0.0


@variant
class AdamW(MomentOptimizer):
    """Adam as published, with decoupled weight decay: w -= lr wd w, outside the moments.

    When: with weight decay, which Adam would divide by the size of the gradients.
    Source: Loshchilov & Hutter 2019, Decoupled weight decay regularization. Oracle: torch.optim.AdamW.
    """

    name: Literal["adamw"] = "adamw"
    learning_rate: Positive = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    weight_decay: NonNegative = 0.01

    def decay(self, weights: Array, gradient: Array, learning_rate: float) -> None:
        weights *= 1 - learning_rate * self.weight_decay
