"""The models of a comparison of a batch with validation rows: of the request and of the response."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

from service.schemas.base import FOLD, REPEAT, ResponseModel, bounds
from service.schemas.predictions import LARGEST, TEXT_LENGTH, WITHOUT_NUL, Row
from workers.data.batch_file import MOST_ROWS
from workers.shift.detection import Detection
from workers.shift.feature_move import FeatureMove
from workers.shift.labelled import Recalls, ShareChange
from workers.shift.prior import PriorEstimate
from workers.shift.report import Labelled, ShiftReport
from workers.shift.residuals import ErrorChange

MOST_FEATURES = 100
Label = (
    Annotated[str, Field(max_length=TEXT_LENGTH, pattern=WITHOUT_NUL)]
    | Annotated[bool, Field(strict=True)]
    | Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST)]
)


class ShiftBatch(BaseModel):
    """Rows as in `POST /experiments/{experiment_id}/predict`, and the label of each if they are known."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[Row], Field(min_length=1, max_length=MOST_ROWS), FailFast()] = Field(
        examples=[[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]]
    )
    labels: Annotated[list[Label], Field(max_length=MOST_ROWS)] | None = Field(
        None, examples=[["setosa", "virginica"]]
    )


class ShiftTest(ResponseModel):
    """One detector. It raises an alarm in at most 5 % of batches that have not shifted.

    smallest_share is its power: if this share of the batch came from elsewhere, as different as can be for this test,
    and the rest were like the validation rows, it would raise an alarm in 80 % of such batches. Null: it could miss a
    batch that comes from elsewhere as a whole.
    """

    name: str = Field(description="outputs, classes, mmd, classifier or features.")
    statistic: float
    p_value: float = Field(description="Corrected for the comparisons of this test.")
    alarm: bool
    comparisons: int
    validation_rows: int
    batch_rows: int
    smallest_share: float | None

    @classmethod
    def of(cls, detection: Detection) -> "ShiftTest":
        return cls(**vars(detection), alarm=detection.is_alarm)


class MovedFeature(ResponseModel):
    """How one feature moved. move: the largest distance between its distributions, from 0 to 1.

    smallest_move: what the test finds in 80 % of such batches; null if nothing. p_value: corrected for all features.
    """

    name: str
    kind: str
    move: float
    p_value: float
    alarm: bool
    smallest_move: float | None
    mean_before: float | None
    mean_after: float | None
    missing_before: float
    missing_after: float
    out_of_range: int = Field(description="Values of the batch beyond all those of the validation rows.")
    out_of_range_expected: float = Field(description="At most so many are expected without a shift.")
    unseen: int = Field(description="Values with a level that no validation row has.")

    @classmethod
    def of(cls, move: FeatureMove) -> "MovedFeature":
        return cls(**vars(move), alarm=move.has_moved)


class ClassShare(ResponseModel):
    """The share of a class. black_box: by BBSE, with its 95 % interval. em: by expectation maximisation."""

    class_: str = Field(serialization_alias="class")
    validation: float
    black_box: float | None
    low: float | None
    high: float | None
    em: float | None


class ExpectedAccuracy(ResponseModel):
    """What the validation rows promise under the estimated prior, if nothing but it has changed."""

    accuracy: float
    balanced_accuracy: float


class ClassPrior(ResponseModel):
    """How often each class comes in the batch, if only that has changed.

    condition: of the confusion matrix; with more than 30, `black_box` is null. changed: rows that another class is
    predicted for once the predictions are weighted by new share / old share, by EM. reweighted: what validation
    promises for those; the accuracy is the highest. equalised: the same for predictions that are weighted by 1 / old
    share, as for classes that come equally often; the balanced accuracy is the highest, whatever the new shares are.
    """

    condition: float | None
    classes: list[ClassShare]
    expected: ExpectedAccuracy | None
    changed: int | None
    reweighted: ExpectedAccuracy | None
    equalised: ExpectedAccuracy | None = None

    @classmethod
    def of(cls, prior: PriorEstimate, classes: Sequence[str]) -> "ClassPrior":
        found, moved, equalised = prior.black_box, prior.reweighting, prior.equalising
        shares = [
            ClassShare(
                class_=name,
                validation=float(prior.before[k]),
                black_box=None if found is None else float(found.prior[k]),
                low=None if found is None else found.intervals[k].low,
                high=None if found is None else found.intervals[k].high,
                em=None if prior.em is None else float(prior.em[k]),
            )
            for k, name in enumerate(classes)
        ]
        return cls(
            condition=prior.condition if prior.condition < float("inf") else None,
            classes=shares,
            expected=prior.expected and ExpectedAccuracy.model_validate(prior.expected),
            changed=moved and moved.changed,
            reweighted=moved and ExpectedAccuracy.model_validate(moved.expected),
            equalised=equalised and ExpectedAccuracy.model_validate(equalised.expected),
        )


class AccuracyChange(ResponseModel):
    """A share of right predictions in validation and in the batch; low and high: 95 % of batch minus validation."""

    validation: float | None
    batch: float | None
    difference: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, change: Any) -> "AccuracyChange":
        low, high = bounds(change.interval)
        before, after, difference = change.before, change.after, change.difference
        return cls(validation=before, batch=after, difference=difference, low=low, high=high)


class ClassAccuracyChange(AccuracyChange):
    """The accuracy of one class, its recall. Null where a part has no row of it."""

    class_: str = Field(serialization_alias="class")
    rows: int

    @classmethod
    def named(cls, name: str, change: ShareChange) -> "ClassAccuracyChange":
        return cls(class_=name, rows=change.rows_after, **AccuracyChange.of(change).model_dump())


class LabelledChange(ResponseModel):
    """What the labels show. unknown: rows with a class that the model does not know; they count as wrong.

    smallest_drop: of the accuracy, that so many labels show in 80 % of such batches. reweighted: the accuracy of the
    predictions that are weighted to the estimated prior; equalised: the balanced accuracy of those that are weighted
    to equal shares.
    """

    rows: int
    unknown: int
    accuracy: AccuracyChange
    balanced_accuracy: AccuracyChange | None
    classes: list[ClassAccuracyChange]
    smallest_drop: float | None
    reweighted_accuracy: AccuracyChange | None
    reweighted_balanced_accuracy: AccuracyChange | None
    equalised_balanced_accuracy: AccuracyChange | None = None

    @classmethod
    def of(cls, labelled: Labelled, classes: Sequence[str]) -> "LabelledChange":
        measured, moved = labelled.measured, labelled.reweighted
        changes = zip(classes, measured.classes, strict=True)
        return cls(
            rows=labelled.rows,
            unknown=labelled.unknown,
            accuracy=AccuracyChange.of(measured.accuracy),
            balanced_accuracy=_balanced(measured),
            classes=[ClassAccuracyChange.named(name, change) for name, change in changes],
            smallest_drop=labelled.smallest_drop,
            reweighted_accuracy=moved and AccuracyChange.of(moved.accuracy),
            reweighted_balanced_accuracy=moved and _balanced(moved),
            equalised_balanced_accuracy=labelled.equalised and _balanced(labelled.equalised),
        )


def _balanced(recalls: Recalls) -> AccuracyChange | None:
    return None if recalls.balanced is None else AccuracyChange.of(recalls.balanced)


class ErrorsOfBatch(AccuracyChange):
    """Of a regression: the mean absolute error. residual_p_value: of residuals distributed as in validation."""

    rows: int
    validation_bias: float
    batch_bias: float
    residual_p_value: float
    smallest_increase: float | None

    @classmethod
    def of_regression(cls, errors: ErrorChange) -> "ErrorsOfBatch":
        return cls(
            **AccuracyChange.of(errors).model_dump(),
            rows=errors.rows,
            validation_bias=errors.bias_before,
            batch_bias=errors.bias_after,
            residual_p_value=errors.p_value,
            smallest_increase=errors.smallest_increase,
        )


class Shift(ResponseModel):
    """A batch beside the validation rows of a model. shifted: whether the tests together say so, at 5 %."""

    experiment_id: int
    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    rows: int
    validation_rows: int
    shifted: bool
    p_value: float = Field(description="The smallest of the tests, corrected for their number.")
    tests: list[ShiftTest]
    features: list[MovedFeature] = Field(description="The largest moves first, at most 100.")
    features_moved: int
    prior: ClassPrior | None = Field(description="Null of a regression.")
    measured: LabelledChange | None = Field(description="Null without labels.")
    errors: ErrorsOfBatch | None = Field(description="Of a regression with labels.")
    ignored: list[str] = Field(description="Names in the rows that are not those of a column.")
    unknown: dict[str, int] = Field(
        description="How many rows have a level that no row of the data set has, by column."
    )

    @classmethod
    def of(cls, report: ShiftReport, classes: Sequence[str], **facts: Any) -> "Shift":
        return cls(
            **facts,
            shifted=report.has_shifted,
            p_value=report.p_value,
            tests=list(map(ShiftTest.of, report.detections)),
            features=list(map(MovedFeature.of, report.features[:MOST_FEATURES])),
            features_moved=sum(move.has_moved for move in report.features),
            prior=report.prior and ClassPrior.of(report.prior, classes),
            measured=report.labelled and LabelledChange.of(report.labelled, classes),
            errors=report.errors and ErrorsOfBatch.of_regression(report.errors),
        )
