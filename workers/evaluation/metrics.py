"""Evaluation: every metric of a model's logits on one part of a data set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from workers.evaluation.confusion import (
    ClassFigures,
    Confusion,
    Margins,
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    macro_f1,
    mcc,
    per_class,
)
from workers.evaluation.probabilities import Scores, brier, ece, nll, score
from workers.evaluation.selection import SelectionMetric
from workers.nn.arrays import Array, Integers, mean


class NonFiniteError(ArithmeticError):
    """What was to be evaluated, or an answer, is NaN or infinite: the run has diverged."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of `rows` examples.

    loss: the plain mean. weighted_loss: sum w L / sum w over the class weights; the plain mean without any, and null
    where every row has weight 0.
    nll, brier, ece: null where the output layer yields no distribution.
    confusion: (K, K), rows true; the figures per class follow from it.
    """

    rows: int
    loss: float
    weighted_loss: float | None
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    mcc: float
    nll: float | None
    brier: float | None
    ece: float | None
    confusion: Confusion

    def per_class(self) -> list[ClassFigures]:
        """Support, accuracy, precision and F1 of each class."""
        return per_class(self.confusion)


def evaluate(
    logits: Array,
    labels: Integers,
    *,
    losses: Array,
    class_weights: Array | None = None,
    distribution: bool,
) -> Evaluation:
    """Evaluate logits (N, K) against labels (N,), given the losses (N,); N >= 1.

    The prediction is the argmax, at a tie the first class. `distribution`: whether softmax(logits) is what
    the model predicts. Sums are float64 whatever the logits' dtype. Raises NonFiniteError.
    """
    if not len(labels):
        raise ValueError("nothing to evaluate: no rows")
    _require_finite(logits=logits, losses=losses)
    scores = score(logits, labels) if distribution else None
    predictions = scores.predictions if scores else logits.argmax(axis=1)
    confusion = confusion_matrix(labels, predictions, logits.shape[1])
    margins, loss = Margins.of(confusion), mean_loss(losses)
    of_distribution = _of_distribution(scores, labels) if scores else {}
    return Evaluation(
        rows=len(labels),
        loss=loss,
        weighted_loss=loss if class_weights is None else _weighted_mean(losses, labels, class_weights),
        accuracy=accuracy(margins),
        balanced_accuracy=balanced_accuracy(margins),
        macro_f1=macro_f1(margins),
        mcc=mcc(margins),
        nll=of_distribution.get("nll"),
        brier=of_distribution.get("brier"),
        ece=of_distribution.get("ece"),
        confusion=confusion,
    )


def mean_loss(losses: Array) -> float:
    """Unweighted mean of the spec's loss over the rows; its oracle is that of the loss."""
    return mean(losses)


FORMULAS: Mapping[SelectionMetric, Callable[..., float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "mcc": mcc,
    "loss": mean_loss,
    "nll": nll,
    "brier": brier,
    "ece": ece,
}
"""The function of each metric, whose docstring says what it is; for the catalogue."""


def _of_distribution(scores: Scores, labels: Integers) -> dict[str, float]:
    likelihood = mean(scores.negative_log_p)
    _require_finite(nll=likelihood)
    return {
        "nll": likelihood,
        "brier": brier(scores.squared_distance),
        "ece": ece(scores.confidence, scores.predictions == labels),
    }


def _weighted_mean(losses: Array, labels: Integers, class_weights: Array) -> float | None:
    weights = class_weights.astype(np.float64)[labels]
    total = weights.sum()
    return float(weights @ losses / total) if total > 0 else None


def _require_finite(**values: Array | float) -> None:
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise NonFiniteError(f"{name}: NaN or infinite")
