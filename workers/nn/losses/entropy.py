"""The cross-entropy family: losses on softmax outputs, computed in log space."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import Counts, PerClass, one_per_class
from workers.nn.losses.loss import Loss, LossFunction
from workers.nn.outputs import log_softmax
from workers.variant import Fraction, NonNegative, variant


@variant
class CrossEntropy(Loss):
    """(1-e)(-log p_y) + e/K sum_k(-log p_k), e = label_smoothing; dL/dz = p - ((1-e) Y + e/K).

    Source: Szegedy et al. 2016, Rethinking the Inception architecture (label smoothing).
    Oracle: torch.nn.functional.cross_entropy.
    """

    name: Literal["cross_entropy"] = "cross_entropy"
    output: Literal["softmax"] = "softmax"
    label_smoothing: Fraction = 0.0

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        log_p = log_softmax(logits)
        rows, e = np.arange(len(labels)), self.label_smoothing
        losses = -(1 - e) * log_p[rows, labels] - e * log_p.mean(axis=1)
        gradient = np.exp(log_p)
        gradient[rows, labels] -= 1 - e
        gradient -= e / logits.shape[1]
        return losses, gradient


@variant
class Focal(Loss):
    """a_y q^g (-log p_y), q = 1-p_y, g = gamma; dL/dz = a_y q^g (1 - g p_y r)(p-Y), r = log(p_y)/q.

    g = 0 is cross-entropy. `alpha` holds a factor a_k per class, 1 by default.
    Source: Lin et al. 2017, Focal loss for dense object detection.
    """

    name: Literal["focal"] = "focal"
    output: Literal["softmax"] = "softmax"
    gamma: NonNegative = 2.0
    alpha: PerClass | None = None

    def given(self, class_counts: Counts) -> LossFunction:
        if self.alpha is not None:
            one_per_class(self.alpha, class_counts)
        return self

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        log_p = log_softmax(logits)
        rows = np.arange(len(labels))
        # q is summed over the other classes: 1 - p_y would cancel where the example is easy
        others = np.exp(log_p)
        others[rows, labels] = 0
        q = others.sum(axis=1)
        log_p_y = np.where(q < 0.5, np.log1p(-np.minimum(q, 0.5)), log_p[rows, labels])
        r = np.divide(log_p_y, q, out=np.full_like(q, -1), where=q > 0)

        factor = q**self.gamma
        if self.alpha is not None:
            factor *= np.array(self.alpha, q.dtype)[labels]
        gradient = others
        gradient[rows, labels] = -q
        gradient *= (factor * (1 - self.gamma * np.exp(log_p_y) * r))[:, None]
        return -factor * log_p_y, gradient


@variant
class GeneralizedCrossEntropy(Loss):
    """(1 - p_y^q) / q; dL/dz = p_y^q (p-Y). q -> 0 is cross-entropy, q = 1 is half of L1.

    Between the two it trades speed for robustness to wrong labels.
    Source: Zhang & Sabuncu 2018, Generalized cross entropy loss for training with noisy labels.
    """

    name: Literal["generalized_cross_entropy"] = "generalized_cross_entropy"
    output: Literal["softmax"] = "softmax"
    q: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.7

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        log_p = log_softmax(logits)
        rows = np.arange(len(labels))
        log_power = self.q * log_p[rows, labels]
        gradient = np.exp(log_p)
        gradient[rows, labels] -= 1
        gradient *= np.exp(log_power)[:, None]
        return np.expm1(log_power) / -self.q, gradient


EntropyLoss = CrossEntropy | Focal | GeneralizedCrossEntropy
