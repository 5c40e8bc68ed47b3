"""Comparisons of experiments, as they are answered."""

from typing import Literal

from pydantic import Field

from service.schemas.answer import Answer, Remark
from workers.evaluation.selection import SelectionMetric


class Comparison(Answer):
    """Two experiments, a minus b, over the seeds that succeeded in both. All figures are null where it is not
    comparable: `finding` then says why. With a difference that is the same in every seed there is no p-value.
    """

    a: int
    b: int
    comparable: bool
    seeds: list[int]
    mean_a: float | None
    mean_b: float | None
    difference: float | None = Field(description="mean_a - mean_b.")
    sd: float | None = Field(description="Of the difference over the seeds.")
    low: float | None = Field(description="Student's t interval of the difference, 95 %, of this pair alone.")
    high: float | None
    p_value: float | None = Field(description="Student's paired t-test, two-sided.")
    p_value_corrected: float | None = Field(description="By Holm, for all comparisons of this answer.")
    better: int | None = Field(description="Of the two, where the corrected p-value is below 0.05.")
    finding: Remark


class Comparisons(Answer):
    """Every pair, or every experiment with the reference, by one metric on the validation part."""

    metric: SelectionMetric
    direction: Literal["max", "min"]
    split: Literal["validation"] = "validation"
    items: list[Comparison]
    remarks: list[Remark] = Field(description="What keeps all of it from meaning what it seems to.")
