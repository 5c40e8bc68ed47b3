"""How outputs become predictions at evaluation: as they are, or corrected for the class frequencies."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np

from workers.nn.arrays import Array
from workers.nn.class_weights import Counts, require_every_class
from workers.nn.output_layers import Output, is_distribution, log_sigmoid, predict
from workers.tagged_union import ByName, NonNegative, variant

LARGEST_OFFSET = 80.0
"""Logarithm of the largest factor: single precision holds its products with outputs."""


class Prediction(ABC):
    """A factor per class on the outputs, p_k exp(offset_k). On a softmax, that is an offset of the logits."""

    name: str

    @abstractmethod
    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        """The offset (K,) for a training part with `class_counts`, drawn `sampled_counts` times in an epoch."""


@variant
class Argmax(Prediction):
    """The class with the largest logit."""

    name: Literal["argmax"] = "argmax"

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return None


@variant
class LogitAdjusted(Prediction):
    """argmax_k p_k / pi_k^tau, pi the class frequencies in training: favours rare classes.

    On a softmax, that is argmax_k z_k - tau log pi_k; on a linear or sigmoid output, p_k is the output itself.

    Source: Menon et al. 2021, Long-tail learning via logit adjustment (post hoc).
    """

    name: Literal["logit_adjusted"] = "logit_adjusted"
    tau: NonNegative = 1.0

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return -self.tau * log_frequencies(sampled_counts)


@variant
class PriorCorrected(Prediction):
    """p_k pi_k / pi'_k: undoes resampling, from the sampled frequencies pi' to those of the data, pi.

    A softmax's are renormalised; a linear or sigmoid output is multiplied as it is.

    Source: Saerens et al. 2002, Adjusting the outputs of a classifier to new a priori probabilities.
    """

    name: Literal["prior_corrected"] = "prior_corrected"

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return log_frequencies(class_counts) - log_frequencies(sampled_counts)


def adjusted_scores(logits: Array, output: Output, offset: Array | None) -> Array:
    """Corrected scores (N, K), whose argmax is the prediction, of logits (N, K) and an offset (K,).

    A softmax's are logits: z + offset. A linear output estimates p_k itself: z exp(offset). For a sigmoid they
    are log a + offset, a = sigmoid(z). Without an offset, the logits.
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
    """What is answered as the outputs (N, K) of corrected scores: probabilities, or p_k exp(offset_k)."""
    if offset is not None and output == "sigmoid":
        return np.exp(scores)
    return predict(scores, output)[0]


def log_frequencies(counts: Counts) -> Array:
    """log pi_k of each class, shape (K,); EmptyClassError where one never occurs."""
    log_pi: Array = np.log(require_every_class(counts) / np.sum(counts))
    return log_pi


AnyPrediction = Annotated[Argmax | LogitAdjusted | PriorCorrected, ByName()]
