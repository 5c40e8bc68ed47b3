"""The response models of curves and of reliability bins."""

from typing import Literal

from pydantic import Field

from service.schemas.base import FOLD, REPEAT, ResponseModel


class SelectedEpoch(ResponseModel):
    """A run at its selected epoch. split: the part whose rows were predicted."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    epoch: int
    split: Literal["validation", "evaluation"]
    rows: int


class CurveSummary(SelectedEpoch):
    """The areas under the curves of a run; null if all rows are of one class."""

    positive_share: float = Field(
        description="Share of the positive class: the precision of guessing, at any recall."
    )
    auroc: float | None
    auroc_low: float | None = Field(
        description="95 % interval by DeLong's method: of this model, over new rows. Null if a class has one row."
    )
    auroc_high: float | None
    average_precision: float | None


class CurveRow(ResponseModel):
    """A point of the curves of a run: what calling rows positive from `threshold` on gives."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    threshold: float | None = Field(
        description="Rows with at least this probability of the positive class are called positive; null: none is."
    )
    recall: float = Field(description="The true positive rate.")
    false_positive_rate: float
    precision: float = Field(description="1 if no row is called positive.")


class Curves(ResponseModel):
    """Both curves of each run, thresholds descending. ROC is recall over false positive rate; the other is precision
    over recall. Probabilities are as the spec's `prediction` corrects them.
    """

    positive: str = Field(description="The class whose probability is the score.")
    negative: str
    runs: list[CurveSummary]
    items: list[CurveRow]
    next: str | None = None


class OperatingPoint(SelectedEpoch):
    """The threshold of a run's model, and what it gives on the rows of `split`."""

    positive: str = Field(
        description="The class that a row is given if its probability is at least `threshold`."
    )
    threshold: float
    objective: str = Field(
        description="The metric that the threshold maximises, or `cost`, which it minimises."
    )
    chosen_value: float = Field(
        description="The objective on the validation rows, which chose the threshold."
    )
    value: float = Field(description="The objective on the rows of `split`; of `cost`, the mean of a row.")
    optimistic: bool = Field(
        description="Whether these rows chose the threshold, so that all figures here are too good."
    )
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


class OperatingPoints(ResponseModel):
    """The operating point of each run that has succeeded. Its predictions, and looks at the test set, use it."""

    items: list[OperatingPoint]


class ReliabilitySummary(SelectedEpoch):
    """The expected calibration error of a run."""

    ece: float


class ReliabilityRow(ResponseModel):
    """The rows of a run whose predicted class has a probability in (low, high]."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    low: float
    high: float
    rows: int
    confidence: float | None = Field(
        description="Mean probability of the predicted class; null without rows."
    )
    accuracy: float | None


class Reliability(ResponseModel):
    """The 15 bins behind the expected calibration error of each run."""

    runs: list[ReliabilitySummary]
    items: list[ReliabilityRow]
    next: str | None = None
