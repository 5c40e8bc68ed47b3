"""The response models of comparisons."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Remark, ResponseModel
from workers.evaluation.selection import SelectionMetric


class Comparison(ResponseModel):
    """Two experiments, a minus b, over the seeds that succeeded in both. If they are not comparable, all figures are
    null and `finding` gives the reason. If the difference is the same in every seed, there is no p-value.
    """

    a: int
    b: int
    comparable: bool
    seeds: list[int]
    mean_a: float | None
    mean_b: float | None
    difference: float | None = Field(description="mean_a - mean_b.")
    sd: float | None = Field(description="Standard deviation of the difference over the seeds.")
    low: float | None = Field(
        description="95 % interval of the difference by Student's t, for this pair alone."
    )
    high: float | None
    p_value: float | None = Field(description="Two-sided, by Student's paired t-test.")
    p_value_corrected: float | None = Field(
        description="Corrected by Holm's method for all comparisons of this response."
    )
    better: int | None = Field(description="The better of the two if the corrected p-value is below 0.05.")
    finding: Remark


class Comparisons(ResponseModel):
    """Every pair, or every experiment with the reference, by one metric on the validation part."""

    metric: SelectionMetric
    direction: Literal["max", "min"]
    split: Literal["validation"] = "validation"
    items: list[Comparison]
    remarks: list[Remark] = Field(description="What to keep in mind when reading all of it.")
