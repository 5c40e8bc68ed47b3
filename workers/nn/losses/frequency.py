"""Frequency-aware losses: cross-entropy on logits that are adjusted for how often training draws each class."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import Counts, EffectiveNumber, require_every_class
from workers.nn.losses.entropy import CrossEntropy, ShiftedCrossEntropy
from workers.nn.losses.loss import Loss, LossFunction
from workers.tagged_union import NonNegative, Positive, Probability, variant

cross_entropy = CrossEntropy()


class FrequencyAware(Loss):
    """A loss that adjusts the logits in training. At evaluation it is the cross-entropy of the logits as they are."""

    frequency_aware = True

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        return cross_entropy(logits, labels)

    @abstractmethod
    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        """The loss with the adjustment for these counts (K,). Raises EmptyClassError if one is 0."""


@dataclass(frozen=True, eq=False)
class MarginCrossEntropy(LossFunction):
    """CE(z - margins_y e_y), margins (K,)."""

    margins: Array

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        shifted = logits.copy()
        shifted[np.arange(len(labels)), labels] -= self.margins[labels].astype(logits.dtype)
        return cross_entropy(shifted, labels)


@variant
class BalancedSoftmax(FrequencyAware):
    """Cross-entropy of logits shifted by class counts: CE(z + log n_k); dL/dz = softmax(z + log n) - Y.

    When: if classes that are rare in training matter as much as the others. It has no setting.
    Source: Ren et al. 2020, Balanced meta-softmax for long-tailed visual recognition.
    Oracle: torch.nn.functional.cross_entropy on logits shifted in torch.
    """

    name: Literal["balanced_softmax"] = "balanced_softmax"
    output: Literal["softmax"] = "softmax"

    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        return ShiftedCrossEntropy(np.log(require_every_class(class_counts)))


@variant
class LogitAdjustment(FrequencyAware):
    """Cross-entropy of shifted logits: CE(z + tau log pi_k), pi_k = n_k / n; tau = 1 is balanced softmax.

    When: as balanced_softmax, if you want to choose by `tau` how much rare classes gain.
    Source: Menon et al. 2021, Long-tail learning via logit adjustment.
    Oracle: torch.nn.functional.cross_entropy on logits shifted in torch.
    """

    name: Literal["logit_adjustment"] = "logit_adjustment"
    output: Literal["softmax"] = "softmax"
    tau: NonNegative = 1.0

    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        counts = require_every_class(class_counts)
        return ShiftedCrossEntropy(self.tau * np.log(counts / counts.sum()))


@variant
class LDAM(FrequencyAware):
    """CE(s (cos - D_y e_y)), D_k proportional to n_k^(-1/4) with maximum `max_margin`, s = scale.

    The cosine layer already scales the logits by s. After the fraction `reweight_from` of training, effective-number
    class weights apply (the paper's deferred re-weighting uses 0.8). 1 means never.
    When: if classes are very rare; try it with `reweight_from` 0.8.
    Source: Cao et al. 2019, Learning imbalanced datasets with label-distribution-aware margin loss.
    Oracle: the authors' LDAMLoss, rewritten in torch, and its autograd.
    """

    name: Literal["ldam"] = "ldam"
    output: Literal["cosine"] = "cosine"
    scale: Positive = 30.0
    max_margin: Positive = 0.5
    reweight_from: Probability = 1.0

    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        counts = require_every_class(class_counts)
        return MarginCrossEntropy(self.scale * self.max_margin * (counts.min() / counts) ** 0.25)

    def class_weights(self, class_counts: Counts, progress: float) -> Array | None:
        return EffectiveNumber()(class_counts) if progress >= self.reweight_from else None


FrequencyLoss = BalancedSoftmax | LogitAdjustment | LDAM
