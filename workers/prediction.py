"""How logits become predictions at evaluation: as they are, or corrected for the class frequencies."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np

from workers.nn.arrays import Array
from workers.nn.class_weights import Counts, occurring
from workers.variant import ByName, NonNegative, variant


class Prediction(ABC):
    """An offset that is added to the logits before the softmax and the argmax."""

    name: str

    @abstractmethod
    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        """The offset (K,) for a training part with `class_counts`, drawn `sampled_counts` times in an epoch."""


@variant
class Argmax(Prediction):
    """The class of the largest logit."""

    name: Literal["argmax"] = "argmax"

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return None


@variant
class LogitAdjusted(Prediction):
    """argmax_k z_k - tau log pi_k, pi the class frequencies as trained on: moves plain training towards balance.

    Source: Menon et al. 2021, Long-tail learning via logit adjustment (post hoc).
    """

    name: Literal["logit_adjusted"] = "logit_adjusted"
    tau: NonNegative = 1.0

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return -self.tau * log_frequencies(sampled_counts)


@variant
class PriorCorrected(Prediction):
    """p_k pi_k / pi'_k, renormalised: undoes the resampling, from the sampled pi' back to the data's pi.

    Source: Saerens et al. 2002, Adjusting the outputs of a classifier to new a priori probabilities.
    """

    name: Literal["prior_corrected"] = "prior_corrected"

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        return log_frequencies(class_counts) - log_frequencies(sampled_counts)


def log_frequencies(counts: Counts) -> Array:
    """log pi_k of each class, shape (K,); EmptyClassError where one never occurs."""
    log_pi: Array = np.log(occurring(counts) / np.sum(counts))
    return log_pi


AnyPrediction = Annotated[Argmax | LogitAdjusted | PriorCorrected, ByName()]
