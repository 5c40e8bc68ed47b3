"""The response models of the ledger of a test set: every look, its result, and how far that can be trusted."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import ResponseModel, Time


class Acceptance(BaseModel):
    """Earlier uses of the test rows that do not prevent an evaluation. The ledger keeps what was accepted.

    exposed: experiments trained or validated on some of them, so the figure may be too good for these. looked_at:
    models were tested on some of them before, so the figure is one of several.
    """

    model_config = ConfigDict(extra="forbid")

    accept: Annotated[list[Literal["exposed", "looked_at"]], Field(max_length=2)] = Field(
        [], examples=[["looked_at"]]
    )


class EarlierUse(ResponseModel):
    """An earlier use of some of the test rows: an experiment trained or validated on them, or was tested on them.

    look: the number of the look; null if the rows were exposed.
    """

    kind: Literal["exposed", "looked_at"]
    rows: int
    experiment_id: int
    owner: str
    dataset: str
    look: int | None


class Bound(ResponseModel):
    """A 95 % interval, and when it covers the truth: of these models on new rows of this kind."""

    name: Literal[
        "wilson",
        "wilson_all_looks",
        "jeffreys",
        "jeffreys_all_looks",
        "bootstrap",
        "bootstrap_all_looks",
        "adaptive",
    ]
    low: float
    high: float
    valid: str


class TestedClass(ResponseModel):
    """One class over the seeds. accuracy: its recall; null if the test part has no rows of it.

    accuracy_low, accuracy_high: 95 % interval by Wilson's method, valid if the looks were not chosen from earlier
    answers. Of a regression it is a bin of the targets, with its mean absolute error in place of the recall: `mae`,
    and an interval of the bootstrap over rows, for one look.
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


class TestedFigure(ResponseModel):
    """A metric of a regression on the test part. It has four significant digits: a look has finitely many answers."""

    metric: str
    value: float
    bounds: list[Bound] = Field(
        description="Only the MAE has an adaptive bound: it is that of absolute errors that count as at most the "
        "range of the open targets. Other errors have no largest value, so no number of rows bounds them."
    )


class TestedBaseline(ResponseModel):
    """What the mean, or the median, of the training targets reaches on the test part, predicted for each row."""

    name: Literal["mean", "median"]
    metrics: dict[str, float]


class Evaluation(ResponseModel):
    """One look at the test set. All figures are means over the seeds of the experiment.

    Of a regression they are in `figures`, and the accuracies are null.

    A Ladder tells the best accuracy so far and nothing else: no class, no interval. Of a regression it tells the best
    MAE so far, in which errors count as at most the range of the open targets. If the service stopped before it
    stored the result of a look, the figures are null: request the evaluation again, it costs nothing.
    """

    look: int
    looks: int = Field(description="The number of looks so far; the bounds count all of them.")
    experiment_id: int
    spec_hash: str
    dataset: str
    weights_sha256: str
    rows: int
    exposed_rows: int | None = Field(
        description="How many of the rows had trained or validated an experiment before; null: not recorded."
    )
    looked_at_rows: int | None = Field(description="How many of the rows an earlier look had seen.")
    earlier_uses: list[EarlierUse] = Field(
        description="By which experiments, and under which data set: the 100 with the most rows."
    )
    accepted: list[str]
    ladder: bool
    improved: bool | None = Field(description="For a Ladder: whether this look set the best accuracy.")
    seeds: int | None
    accuracy: float | None
    balanced_accuracy: float | None
    majority_accuracy: float | None = Field(
        description="The accuracy of always predicting the majority class."
    )
    bounds: list[Bound] = Field(
        description="Of the accuracy. All bounds follow from the number of correct rows of each class, so they tell "
        "nothing more of the test rows."
    )
    balanced_accuracy_bounds: list[Bound]
    figures: list[TestedFigure] = Field(
        [], description="Of a regression: RMSE, MAE, median absolute error, R2."
    )
    baselines: list[TestedBaseline] = Field([], description="Of a regression.")
    classes: list[TestedClass]
    opened_at: Time


class Ledger(ResponseModel):
    """A test set and every look at any of its rows. budget: null for a Ladder, which answers any number of looks."""

    test_set: str = Field(description="The hash of its rows.")
    source: Literal["held_back", "official"]
    rows: int
    exposed_rows: int = Field(description="How many of the rows have trained or validated an experiment.")
    exposed_by: list[EarlierUse]
    budget: int | None
    remaining: int | None
    looks: int
    items: list[Evaluation]
