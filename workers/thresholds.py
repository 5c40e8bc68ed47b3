"""Predictions of two classes by a threshold that is chosen on validation rows, and the kind of all predictions."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.evaluation.operating_point import (
    OBJECTIVES,
    OperatingPoint,
    maximising,
    minimising_cost,
    value_of,
)
from workers.evaluation.ranking import Booleans, Floats
from workers.logit_adjustment import Argmax, LogitAdjusted, Prediction, PriorCorrected
from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import Counts
from workers.tagged_union import ByName, Number, OneOf, variant

Matrix = NDArray[Any]
Costs = Annotated[tuple[Number, ...], Field(min_length=2, max_length=2)]
"""Of the rows of a true class, for each predicted one."""


class ThresholdRule(Prediction):
    """A row is of the positive class if its probability is at least a threshold.

    The positive class is the rarer one in training; of two equally frequent ones, the second.
    """

    def offset(self, class_counts: Counts, sampled_counts: Counts) -> Array | None:
        if len(class_counts) != 2:
            raise ValueError(f"a threshold needs two classes; the data have {len(class_counts)}")
        return None

    @property
    @abstractmethod
    def objective(self) -> str:
        """What the threshold is best for: the name of a metric, or `cost`."""

    @abstractmethod
    def choose(self, scores: Floats, positive: Booleans, positive_class: int) -> OperatingPoint:
        """The best threshold on rows with these probabilities (N,) of the positive class."""

    @abstractmethod
    def value(self, matrix: Matrix, positive_class: int) -> float:
        """The objective for a confusion matrix (2, 2), rows true, negative before positive."""


@variant
class Threshold(ThresholdRule):
    """The threshold on the probability of the rarer class that maximises a metric on the validation rows.

    Epochs are measured and selected at 1/2; the threshold is chosen for the selected one, halfway between two scores.
    On the rows that chose it, its figures are too good. `f1` is that of the rarer class. `logit_adjusted` and
    `prior_corrected` would multiply the odds, which moves the best threshold and changes no decision: so neither is
    combined with it.

    When: with two classes, if F1 or another metric matters more than accuracy.
    Source: Lipton, Elkan & Naryanaswamy 2014, Optimal thresholding of classifiers to maximize F1 measure.
    Oracle: a search over all thresholds with the metrics of sklearn.metrics.
    """

    name: Literal["threshold"] = "threshold"
    maximise: Annotated[str, OneOf(OBJECTIVES)] = "balanced_accuracy"

    @property
    def objective(self) -> str:
        return self.maximise

    def choose(self, scores: Floats, positive: Booleans, positive_class: int) -> OperatingPoint:
        return maximising(self.maximise, scores, positive)

    def value(self, matrix: Matrix, positive_class: int) -> float:
        return value_of(self.maximise, matrix)


@variant
class CostThreshold(ThresholdRule):
    """The threshold on the probability of the rarer class with the smallest mean cost on the validation rows.

    `cost`: [[c_00, c_01], [c_10, c_11]], c_ij for a row of class i that is called j. For calibrated probabilities of
    class 1 the best threshold is known beforehand, (c_01 - c_00) / (c_01 - c_00 + c_10 - c_11); this one follows the
    rows, calibrated or not. On the rows that chose it, its cost is too small.

    When: with two classes, if you know what each error costs.
    Source: Elkan 2001, The foundations of cost-sensitive learning.
    Oracle: a search over all thresholds, and Elkan's threshold for calibrated scores.
    """

    name: Literal["cost_threshold"] = "cost_threshold"
    cost: Annotated[tuple[Costs, ...], Field(min_length=2, max_length=2)] = ((0.0, 1.0), (1.0, 0.0))

    def __post_init__(self) -> None:
        (right_0, wrong_0), (wrong_1, right_1) = self.cost
        if wrong_0 <= right_0 or wrong_1 <= right_1:
            raise ValueError(
                "cost: a wrong prediction has to cost more than a right one, as in [[0, 1], [10, 0]]; rows are true "
                "classes, columns predicted ones"
            )

    @property
    def objective(self) -> str:
        return "cost"

    def choose(self, scores: Floats, positive: Booleans, positive_class: int) -> OperatingPoint:
        return minimising_cost(self._negative_first(positive_class), scores, positive)

    def value(self, matrix: Matrix, positive_class: int) -> float:
        return float((matrix * self._negative_first(positive_class)).sum() / matrix.sum())

    def _negative_first(self, positive_class: int) -> NDArray[np.float64]:
        cost = np.array(self.cost, np.float64)
        return cost if positive_class == 1 else cost[::-1, ::-1]


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold of a model, for the class with the index `positive`.

    value: what it reached on the rows that chose it.
    """

    positive: int
    threshold: float
    value: float

    def __call__(self, outputs: Array) -> Integers:
        """The predicted classes (N,) for probabilities (N, 2)."""
        called = outputs[:, self.positive].astype(np.float64) >= self.threshold
        return np.where(called, self.positive, 1 - self.positive)

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model: `from_arrays` reads them."""
        return {
            "prediction.positive": np.array([self.positive]),
            "prediction.threshold": np.array([self.threshold]),
            "prediction.value": np.array([self.value]),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, Any]) -> "ChosenThreshold | None":
        """The threshold of a model, from its arrays; None if it has none."""
        if "prediction.threshold" not in arrays:
            return None
        positive, threshold, value = (
            arrays[f"prediction.{name}"].item() for name in ("positive", "threshold", "value")
        )
        return ChosenThreshold(positive, threshold, value)


AnyPrediction = Annotated[
    Argmax | LogitAdjusted | PriorCorrected | Threshold | CostThreshold,
    ByName(),
]
