"""The response models of comparisons."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Remark, ResponseModel
from workers.evaluation.intervals import LEVEL
from workers.evaluation.selection import SelectionMetric


class RowTest(ResponseModel):
    """McNemar's test of one seed: whether two models err equally often on rows of this kind."""

    seed: int
    only_a: int = Field(description="Rows that only a predicted correctly.")
    only_b: int = Field(description="Rows that only b predicted correctly.")
    p_value: float = Field(description="Two-sided; 1 if no row tells the two apart.")
    p_value_corrected: float = Field(
        description="Corrected by Holm's method for all tests of this kind in this response."
    )
    exact: bool = Field(description="Whether the p-value is binomial; otherwise it is that of chi-square.")


class Comparison(ResponseModel):
    """Two experiments, a minus b, over the seeds or folds that succeeded in both.

    Experiments on the same rows are compared by a bootstrap over rows and seeds, those of the same cross-validation
    by a corrected t over its folds. If they are not comparable, all figures are null and `finding` gives the reason.
    """

    a: int
    b: int
    comparable: bool
    claim: Literal["new_rows", "new_data", "these_rows"] | None = Field(
        None,
        description="What the interval is of: these models on new rows, and new seeds if there are several; or "
        "training on new data, over folds. `these_rows`: there is no interval, and no claim about other rows.",
    )
    seeds: list[int]
    folds: int | None = Field(None, description="Of a cross-validation: how many, of all repeats together.")
    mean_a: float | None
    mean_b: float | None
    difference: float | None = Field(description="mean_a - mean_b.")
    sd: float | None = Field(
        description="Standard deviation of the difference over the seeds, or over the folds. It tests nothing."
    )
    level: float | None = Field(
        description="Of this interval: 1 - 0.05 / m for m pairs with an interval, so that all cover together at 0.95."
    )
    low: float | None = Field(
        description="Interval of the difference, corrected for all pairs of this response."
    )
    high: float | None
    p_value: float | None = Field(
        description="Two-sided, by the method of the interval, for this pair alone."
    )
    p_value_corrected: float | None = Field(
        description="Corrected as the interval is: below 0.05 if and only if the interval excludes 0."
    )
    better: int | None = Field(description="The better of the two, if the interval excludes 0.")
    mcnemar: list[RowTest] = Field([], description="On the same rows: a test of each seed by itself.")
    finding: Remark


class Comparisons(ResponseModel):
    """Every pair, or every experiment with the reference, by one metric.

    On the validation part, or, of cross-validations, on the evaluation part of each fold.
    """

    metric: SelectionMetric
    direction: Literal["max", "min"]
    split: Literal["validation", "evaluation"] = "validation"
    level: float = Field(LEVEL, description="The level at which all intervals cover together.")
    tested: int = Field(description="How many pairs have an interval. All are corrected for this number.")
    items: list[Comparison]
    remarks: list[Remark] = Field(description="What to keep in mind when reading all of it.")
