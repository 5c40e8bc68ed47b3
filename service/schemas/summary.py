"""The response models of the summary of an experiment."""

from typing import Annotated, Any, Literal

from pydantic import Field

from service.schemas.base import FOLD, REPEAT, Remark, ResponseModel
from service.schemas.metric_fields import with_metrics, with_values
from workers.evaluation.metrics import SUMMARISED
from workers.evaluation.selection import SelectionMetric


class Selected(ResponseModel):
    """The metric that selected the epoch of each run, on the validation part.

    Measured on the same part, its best value of many is slightly optimistic; a cross-validation measures on another.
    """

    metric: SelectionMetric
    direction: Literal["max", "min"]
    split: Literal["validation"] = "validation"


BOUNDS: dict[str, Any] = {
    "accuracy_low": (
        float | None,
        Field(description="95 % interval by Wilson's method, for the number of rows. Null in a regression."),
    ),
    "accuracy_high": float | None,
}


@with_metrics(SUMMARISED, beside={"accuracy": BOUNDS})
class SeedFigures(ResponseModel):
    """The figures of one run, all at its selected epoch."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    epoch: int
    rows: int


class Estimate(ResponseModel):
    """A metric over the seeds, or the folds of a cross-validation: its mean, and as sd, min and max of n its spread.

    low, high: an interval of the mean. `intervals` says of what, or why it is null. It is also null for metrics that
    row-level results do not tell.
    """

    mean: float
    sd: float | None
    min: float
    max: float
    n: int
    low: float | None
    high: float | None


@with_values(SUMMARISED, Estimate)
class Estimates(ResponseModel):
    """Every metric over the seeds; null if a metric is undefined, as some are for few classes."""


class ClassEstimate(ResponseModel):
    """One class over the seeds or folds, or of a regression one bin of the targets.

    accuracy: its recall; null if it has no rows, and in a regression. mae: the mean absolute error of the bin; null
    in a classification. support: its rows in the part, or in the evaluation parts of all folds of one repeat.

    accuracy_low, accuracy_high, mae_low, mae_high: their intervals, as `intervals` describes them.
    """

    class_: str = Field(serialization_alias="class")
    index: int
    support: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    mae: float | None = None
    mae_low: float | None = None
    mae_high: float | None = None


class BaselineClass(ResponseModel):
    """One class or bin of a baseline. accuracy: its recall; mae: its mean absolute error. Null if it has no rows."""

    class_: str = Field(serialization_alias="class")
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    mae: float | None = None


@with_values(SUMMARISED, float | None)
class BaselineMetrics(ResponseModel):
    """Every metric of a baseline; null if it has no value, as metrics of probabilities for the majority class."""


class RandomSplit(ResponseModel):
    """A linear model after two divisions of the same rows into parts of the same sizes: by a column, and by chance.

    metric: `balanced_accuracy`, or of a regression `rmse`. value: on the validation part, which the column chose;
    random: on a part that chance chose, of the model that the other rows trained. drop: how much worse value is than
    random, negative if it is better. Intervals are over rows.
    """

    metric: str
    value: float
    low: float
    high: float
    random: float
    random_low: float
    random_high: float
    drop: float
    drop_low: float
    drop_high: float


class Baseline(ResponseModel):
    """A simple model to compare with: the majority class, or the linear model that is solved.

    Of a regression: `mean` and `median`, which predict those of the training targets, and `ridge`. They have a
    predicted_value, no predicted_class, and no accuracy.

    `linear` is fitted plainly; `linear_balanced` with the balancing, class weights and predictions of the experiment,
    if these make a difference. predicted_class: if it always predicts the same class. metrics, classes: null and
    empty if an earlier version fitted it. training_rows: how many it was fitted to, about 10,000 at most. l2: its
    penalty. changes: merge these fields into the spec of the experiment to train the baseline as an experiment.
    random_split: of `linear` and `ridge`, if a column has divided the rows: the same on a random split of them.
    """

    name: str
    split: str
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    balanced_accuracy: float | None
    balanced_accuracy_low: float | None
    balanced_accuracy_high: float | None
    predicted_class: str | None
    predicted_value: float | None = None
    metrics: BaselineMetrics | None
    classes: list[BaselineClass]
    training_rows: int | None
    l2: float | None
    changes: dict[str, Any]
    random_split: RandomSplit | None = None


class Missing(ResponseModel):
    """Why there are no intervals."""

    code: Literal["not_ended", "not_computed", "no_row_results", "unreadable_row_results", "too_few_folds"]
    sentence: str


class IntervalMeaning(ResponseModel):
    """What some intervals of a summary are intervals of, and how they were computed.

    figures: the fields of the summary that have them; `metrics.auroc` is one metric, whose method is another.
    method: `variance_components` is of rows and of models, from row-level results over the folds; `corrected_t` is
    Nadeau and Bengio's.
    """

    figures: list[
        Annotated[
            str, Field(pattern=r"^((metrics|baselines)(\.[a-z0-9_]+)?|classes|seeds)$", examples=["metrics"])
        ]
    ]
    of: Literal["new_rows_and_seeds", "new_rows", "procedure_on_new_data"]
    sentence: str
    optimistic: bool = Field(description="Whether the epochs were selected on the rows that were measured.")
    method: Literal["two_way_bootstrap", "delong", "wilson", "corrected_t", "variance_components"]
    level: float
    resamples: int | None
    missing: Missing | None = Field(description="Why the ends are null.")


class Summary(ResponseModel):
    """The results, and findings on how far to trust them.

    split: the part that the figures are of: validation, or in a cross-validation the evaluation parts of its folds.
    """

    split: Literal["validation", "evaluation"]
    selection: Selected
    intervals: list[IntervalMeaning]
    seeds: list[SeedFigures]
    metrics: Estimates
    classes: list[ClassEstimate]
    baselines: list[Baseline]
    findings: list[Remark] = Field(description="Reasons to read these figures with care.")
