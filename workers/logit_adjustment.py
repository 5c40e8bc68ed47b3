"""Predictions from outputs at evaluation: unchanged, or corrected for the class frequencies (logit adjustment)."""

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np

from workers.nn.arrays import Array
from workers.nn.class_weights import Counts, require_every_class
from workers.nn.output_layers import Output, is_distribution, log_sigmoid, predict
from workers.tagged_union import NonNegative, variant

LARGEST_OFFSET = 80.0
"""The logarithm of the largest factor, so that its products with outputs do not overflow in single precision."""


class Prediction(ABC):
    """A factor per class on the outputs, p_k exp(offset_k). For a softmax it is an offset of the logits."""

    name: str

    @abstractmethod
    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        """The offset (K,), or None, for the class counts of the training part and those that an epoch samples.

        Both are (K,). Raises EmptyClassError if a count that it uses is 0.
        """


@variant
class Argmax(Prediction):
    """The class with the largest logit.

    When: to begin with, and with a loss or balancing that already favours rare classes.
    """

    name: Literal["argmax"] = "argmax"

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return None


@variant
class LogitAdjusted(Prediction):
    """argmax_k p_k / pi_k^tau, pi the class frequencies in training. Favours rare classes.

    On a softmax this is argmax_k z_k - tau log pi_k. On a linear or sigmoid output, p_k is the output itself.

    When: if rare classes should be found more often, without another training method.
    Source: Menon et al. 2021, Long-tail learning via logit adjustment (post hoc).
    """

    name: Literal["logit_adjusted"] = "logit_adjusted"
    tau: NonNegative = 1.0

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return -self.tau * log_frequencies(sampled_counts)


@variant
class PriorCorrected(Prediction):
    """p_k pi_k / pi'_k: undoes resampling. pi' are the sampled frequencies, pi those of the data.

    The probabilities of a softmax are normalised again. A linear or sigmoid output is only multiplied.

    When: after resampling, if probabilities should be those of the data as they are.
    Source: Saerens et al. 2002, Adjusting the outputs of a classifier to new a priori probabilities.
    """

    name: Literal["prior_corrected"] = "prior_corrected"

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return log_frequencies(class_counts) - log_frequencies(sampled_counts)


def adjusted_scores(logits: Array, output: Output, offset: Array | None) -> Array:
    """Correct logits (N, K) by an offset (K,). The argmax of the scores (N, K) is the prediction.

    For a softmax the scores are logits: z + offset. A linear output estimates p_k itself: z exp(offset). For a
    sigmoid they are log a + offset, a = sigmoid(z). Without an offset they are the logits.
    """
    if offset is None:
        return logits
    if not is_distribution(output):
        offset = offset - max(0.0, float(offset.max()) - LARGEST_OFFSET)
    shift = offset.astype(logits.dtype)
    if output == "linear":
        return logits * np.exp(shift)
    if output == "sigmoid":
        return log_sigmoid(logits) + shift
    return logits + shift


def adjusted_outputs(scores: Array, output: Output, offset: Array | None) -> Array:
    """The outputs (N, K) for the scores of `adjusted_scores`: probabilities of a softmax, else p_k exp(offset_k)."""
    if offset is not None and output == "sigmoid":
        return np.exp(scores)
    return predict(scores, output)[0]


def log_frequencies(counts: Counts) -> Array:
    """log pi_k of each class, (K,). Raises EmptyClassError if a count is 0."""
    log_pi: Array = np.log(require_every_class(counts) / np.sum(counts))
    return log_pi
