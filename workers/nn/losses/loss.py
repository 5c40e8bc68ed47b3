"""What every loss is: one number per example and its gradient with respect to the logits, never reduced."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from workers.nn.arrays import Array, Integers, drop_negligible
from workers.nn.class_weights import Counts
from workers.nn.output_layers import Output


class LossFunction(ABC):
    """Logits (N, K), labels (N,) -> losses (N,), dL/dlogits (N, K): both per example, in the logits' dtype."""

    @abstractmethod
    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        """The losses (N,) and their gradients (N, K) for logits (N, K), left as they are, and labels (N,)."""

    def wire(
        self, logits: Array, labels: Integers, weights: Array | None, gradient: Array
    ) -> Callable[[float], float]:
        """For arrays that stay: takes a scale, answers scale sum_i w_i L_i; weights (K,) by class, None for ones.

        The sum's own gradient goes into `gradient` (N, K). What of it is negligible beside every number of its
        type is 0. This is what training asks for. A loss that is hot has a kernel for it; all others come here.
        """

        def total(scale: float) -> float:
            losses, slopes = self(logits, labels)
            if weights is None:
                np.multiply(slopes, scale, out=gradient)
                value = float(losses.sum()) * scale
            else:
                of_rows = weights[labels] * gradient.dtype.type(scale)
                np.multiply(slopes, of_rows[:, np.newaxis], out=gradient)
                value = float(of_rows @ losses)
            drop_negligible(gradient)
            return value

        return total


class Loss(LossFunction):
    """A loss on one-hot targets. It owns the output layer: its gradient runs through it to the logits.

    `given(counts)` is the loss to train with, the loss itself the one to evaluate with. They differ only
    where class counts enter. The trainer takes the (weighted) mean; a loss knows no weights.
    """

    name: str
    output: Output
    """The layer that turns logits into predictions. A variant declares those it can be computed on."""
    frequency_aware: ClassVar[bool] = False
    """True where the class counts of the training part enter the loss."""

    def given(self, class_counts: Counts) -> LossFunction:
        """The loss for classes drawn `class_counts` (K,) times each; ValueError where they allow none."""
        return self

    def class_weights(self, class_counts: Counts, progress: float) -> Array | None:
        """Weights (K,) that the loss itself asks for at `progress` in [0, 1) of training; None for none."""
        return None
