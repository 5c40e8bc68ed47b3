"""Predictions: the model of the request with its rows, and that of the response."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field

from service.schemas.base import FOLD, REPEAT, ResponseModel

MAX_ROWS = 1000
LARGEST = 3.4e38
"""The networks compute in single precision."""

Value = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST)]
Row = Annotated[list[Value], Field(min_length=1), FailFast()]


class Rows(BaseModel):
    """Rows as in the data set: a number for each feature, not scaled."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS), FailFast()] = Field(
        examples=[[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]]
    )


class Prediction(ResponseModel):
    """The prediction for one row. probabilities: null if the output layer gives scores instead."""

    label: str
    index: int
    probabilities: list[float] | None
    scores: list[float] | None


class Predictions(ResponseModel):
    """A prediction for each row, in order. classes: in the order of probabilities and scores."""

    experiment_id: int
    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    epoch: int
    classes: list[str]
    positive: str | None = Field(
        description="The class that a row is given if its probability is at least `threshold`; null without one."
    )
    threshold: float | None
    items: list[Prediction]
