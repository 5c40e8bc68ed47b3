"""The cross-entropy family: losses on softmax outputs, computed from log-probabilities."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from workers.nn import kernels
from workers.nn.arrays import Array, Integers, filled
from workers.nn.class_weights import Counts, PerClass, one_per_class
from workers.nn.losses.loss import Loss, LossFunction, ValueAndGrad
from workers.nn.output_layers import log_softmax
from workers.tagged_union import Fraction, NonNegative, variant


@variant
class CrossEntropy(Loss):
    """(1-e)(-log p_y) + e/K sum_k(-log p_k), e = label_smoothing; dL/dz = p - ((1-e) Y + e/K).

    When: to begin with. With wrong or ambiguous labels, try a `label_smoothing` of 0.1.
    Source: Szegedy et al. 2016, Rethinking the Inception architecture (label smoothing).
    Oracle: torch.nn.functional.cross_entropy.
    """

    name: Literal["cross_entropy"] = "cross_entropy"
    output: Literal["softmax"] = "softmax"
    label_smoothing: Fraction = 0.0

    @property
    def is_negative_log_likelihood(self) -> bool:  # type: ignore[override]
        return self.label_smoothing == 0

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        zeros = filled(0.0, logits.shape[1], logits.dtype)
        return _per_example(logits, labels, zeros, self.label_smoothing)

    def plan_value_and_grad(
        self, logits: Array, labels: Integers, weights: Array | None, gradient: Array
    ) -> ValueAndGrad:
        zeros = filled(0.0, logits.shape[1], logits.dtype)
        return _plan_value_and_grad(logits, labels, zeros, weights, self.label_smoothing, gradient)


@dataclass(frozen=True, eq=False)
class ShiftedCrossEntropy(LossFunction):
    """CE(z + offsets). The offsets (K,) do not depend on z, so the gradient is that of CE at z + offsets."""

    offsets: Array

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        return _per_example(logits, labels, self.offsets.astype(logits.dtype))

    def plan_value_and_grad(
        self, logits: Array, labels: Integers, weights: Array | None, gradient: Array
    ) -> ValueAndGrad:
        return _plan_value_and_grad(logits, labels, self.offsets.astype(logits.dtype), weights, 0.0, gradient)


def _per_example(
    logits: Array, labels: Integers, offsets: Array, smoothing: float = 0.0
) -> tuple[Array, Array]:
    losses, gradient = np.empty(len(labels), logits.dtype), np.empty(logits.shape, logits.dtype)
    ones, labels = filled(1.0, len(offsets), logits.dtype), np.ascontiguousarray(labels, np.int64)
    kernels.current().cross_entropy(logits, labels, offsets, ones, smoothing, 1.0, losses, gradient)
    return losses, gradient


def _plan_value_and_grad(
    logits: Array,
    labels: Integers,
    offsets: Array,
    weights: Array | None,
    smoothing: float,
    gradient: Array,
) -> ValueAndGrad:
    losses = np.empty(len(labels), logits.dtype)
    class_factors = filled(1.0, len(offsets), logits.dtype) if weights is None else weights
    kernel = kernels.current().cross_entropy
    return lambda factor: kernel(logits, labels, offsets, class_factors, smoothing, factor, losses, gradient)


@variant
class Focal(Loss):
    """a_y q^g (-log p_y), q = 1-p_y, g = gamma; dL/dz = a_y q^g (1 - g p_y r)(p-Y), r = log(p_y)/q.

    g = 0 is cross-entropy. `alpha` holds a factor a_k per class, 1 by default.
    When: with very many easy rows. If classes are rare, compare it with balanced_softmax.
    Source: Lin et al. 2017, Focal loss for dense object detection.
    Oracle: torch's cross_entropy and autograd, as torchvision.ops.sigmoid_focal_loss does on a sigmoid.
    """

    name: Literal["focal"] = "focal"
    output: Literal["softmax"] = "softmax"
    gamma: NonNegative = 2.0
    alpha: PerClass | None = None

    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        if self.alpha is not None:
            one_per_class(self.alpha, class_counts)
        return self

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        losses, gradient = np.empty(len(labels), logits.dtype), np.empty(logits.shape, logits.dtype)
        weights, labels = self._weights(None, logits), np.ascontiguousarray(labels, np.int64)
        kernels.current().focal(logits, labels, weights, self.gamma, 1.0, losses, gradient)
        return losses, gradient

    def plan_value_and_grad(
        self, logits: Array, labels: Integers, weights: Array | None, gradient: Array
    ) -> ValueAndGrad:
        losses, class_factors = np.empty(len(labels), logits.dtype), self._weights(weights, logits)
        kernel, gamma = kernels.current().focal, self.gamma
        return lambda factor: kernel(logits, labels, class_factors, gamma, factor, losses, gradient)

    def _weights(self, weights: Array | None, logits: Array) -> Array:
        """alpha times the class weights, (K,); None stands for ones."""
        plain = filled(1.0, logits.shape[1], logits.dtype) if weights is None else weights
        return plain if self.alpha is None else plain * np.array(self.alpha, logits.dtype)


@variant
class GeneralizedCrossEntropy(Loss):
    """(1 - p_y^q) / q; dL/dz = p_y^q (p-Y). q -> 0 is cross-entropy, q = 1 is half of L1.

    For q in between, it trades speed of training for robustness to wrong labels.
    When: if some labels of the training rows are wrong.
    Source: Zhang & Sabuncu 2018, Generalized cross entropy loss for training with noisy labels.
    Oracle: the formula in torch, and its autograd.
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
