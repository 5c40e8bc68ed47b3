"""The response models of permutation importance."""

from typing import Literal

from pydantic import Field

from service.schemas.base import FOLD, REPEAT, Next, ResponseModel
from workers.data.feature_groups import Kind


class ColumnImportance(ResponseModel):
    """One column, or one region of images: what its permutation costs, in the unit of the metric."""

    column: str
    kind: Kind
    importance: float | None = Field(
        description="How much worse the metric becomes: the mean over runs and repeats. Null if it has no value."
    )
    low: float | None = Field(
        description="95 % interval: of these models over new rows; of a cross-validation, over new folds."
    )
    high: float | None
    run_sd: float | None = Field(
        description="Standard deviation between runs, of their means over repeats; null for one run."
    )
    repeat_sd: float | None = Field(description="Standard deviation between the repeats of a run.")
    correlated_with: str | None = Field(
        description="The column that is associated with it most, from 0.7 on: the two share their importance."
    )
    correlation: float | None = Field(description="How strongly, from 0 to 1.")


class CorrelatedColumns(ResponseModel):
    """Two columns that share: the model can read from one what the other has lost."""

    first: str
    second: str
    correlation: float = Field(
        description="Spearman's of two numbers without its sign, Cramer's V of two categories, and the square root "
        "of epsilon squared of a category and a number; the last two are corrected for bias."
    )


class MeasuredRun(ResponseModel):
    """A run whose model was measured. score: the metric on the rows as they are."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    epoch: int
    rows: int = Field(description="How many rows it was measured on.")
    score: float | None


class Importance(ResponseModel):
    """The importance of all columns, the largest first."""

    experiment_id: int
    metric: str = Field(description="The metric that selects epochs.")
    direction: Literal["max", "min"]
    split: Literal["validation", "evaluation"]
    available_rows: int = Field(
        description="Rows of the part, or of the largest evaluation part. Runs with fewer `rows` were measured on a "
        "random sample."
    )
    repeats: int = Field(description="Permutations of each column and run.")
    runs: list[MeasuredRun]
    available_runs: int = Field(description="Runs that have a model.")
    items: list[ColumnImportance]
    correlated: list[CorrelatedColumns] = Field(description="The strongest first, at most 100.")
    sentence: str
    next: Next = None
