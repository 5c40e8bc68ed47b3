"""The base classes of losses: one number per example with its gradient with respect to the logits, never reduced."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from workers.nn.arrays import Array, Integers, drop_negligible
from workers.nn.class_weights import Counts
from workers.nn.output_layers import Output

Task = Literal["classification", "regression"]
"""What is predicted: one of K classes, or a number."""

ValueAndGrad = Callable[[float], float]
"""Takes a factor; writes factor * gradient to an array fixed before, and returns factor * value."""


class LossFunction(ABC):
    """Logits (N, K), labels (N,) -> losses (N,), dL/dlogits (N, K): both per example, in the logits' dtype."""

    @abstractmethod
    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        """The losses (N,) and their gradients (N, K) for logits (N, K), which stay unchanged, and labels (N,)."""

    def plan_value_and_grad(
        self, logits: Array, labels: Integers, weights: Array | None, gradient: Array
    ) -> ValueAndGrad:
        """Plan sum_i w_i L_i and its gradient for fixed arrays; `weights` (K,) are per class, None for ones.

        The gradient goes into `gradient` (N, K); what is negligible in its dtype becomes 0. Training calls this. The
        most used losses override it with a kernel.
        """

        def value_and_grad(factor: float) -> float:
            losses, gradients = self(logits, labels)
            if weights is None:
                np.multiply(gradients, factor, out=gradient)
                value = float(losses.sum()) * factor
            else:
                row_weights = weights[labels] * gradient.dtype.type(factor)
                np.multiply(gradients, row_weights[:, np.newaxis], out=gradient)
                value = float(row_weights @ losses)
            drop_negligible(gradient)
            return value

        return value_and_grad


class Loss(LossFunction):
    """A loss on one-hot targets, with the output layer that it needs: its gradient goes through it to the logits.

    Train with `with_class_counts(counts)`, evaluate with the loss itself. The two differ only for losses that use the
    class counts. A loss does not weight classes; the trainer takes the (weighted) mean.
    """

    name: str
    output: Output
    """The layer that turns logits into predictions. A variant declares those it can be computed on."""
    scale: float = 1.0
    """The factor on the similarities of a cosine output layer."""
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    """What the loss can be trained for."""
    is_negative_log_likelihood: bool = False
    """Whether the loss of a row is -log p_y, with p the softmax of its logits."""
    frequency_aware: ClassVar[bool] = False
    """Whether the class counts of the training part enter the loss."""

    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        """The loss to train with if each class is drawn `class_counts` (K,) times.

        Raises ValueError if these counts do not fit the loss.
        """
        return self

    def class_weights(self, class_counts: Counts, progress: float) -> Array | None:
        """The class weights (K,) that the loss itself needs at `progress` in [0, 1) of training, or None."""
        return None
