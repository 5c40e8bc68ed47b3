"""The summary of an experiment, as it is answered."""

from typing import Literal

from pydantic import Field

from service.schemas.answer import Answer, Remark
from workers.evaluation.selection import SelectionMetric


class Selected(Answer):
    """By what the epoch of each seed was selected. Its value there is the best of many, so a little flattering."""

    metric: SelectionMetric
    direction: Literal["max", "min"]
    split: Literal["validation"] = "validation"


class SeedFigures(Answer):
    """The figures of one seed, all at the same epoch: the selected one."""

    seed: int
    epoch: int
    rows: int
    accuracy: float
    accuracy_low: float = Field(description="Wilson's interval, 95 %: how far the few rows may mislead.")
    accuracy_high: float
    balanced_accuracy: float
    macro_f1: float
    mcc: float
    loss: float
    nll: float | None
    brier: float | None
    ece: float | None


class Estimate(Answer):
    """A metric over the seeds. low, high: Student's t interval of the mean, 95 %; null for a single seed."""

    mean: float
    sd: float | None
    n: int
    low: float | None
    high: float | None


class Estimates(Answer):
    """Every metric over the seeds; null where the output layer gives no probabilities."""

    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    mcc: Estimate
    loss: Estimate
    nll: Estimate | None
    brier: Estimate | None
    ece: Estimate | None


class ClassEstimate(Answer):
    """One class over the seeds; accuracy is its recall, null where validation has no row of it."""

    class_: str = Field(serialization_alias="class")
    index: int
    support: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None


class Baseline(Answer):
    """What has to be beaten before an accuracy means anything. predicted_class: where it is always the same."""

    name: str
    split: str
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None
    balanced_accuracy: float
    predicted_class: str | None


class Summary(Answer):
    """What came out, on the validation part, and what it is worth."""

    selection: Selected
    seeds: list[SeedFigures]
    metrics: Estimates
    classes: list[ClassEstimate]
    baselines: list[Baseline]
    findings: list[Remark] = Field(description="What keeps these figures from meaning what they seem to.")
