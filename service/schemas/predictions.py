"""Predictions: the model of the request with its rows, and that of the response."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from service.schemas.base import FOLD, REPEAT, ResponseModel
from workers.validation.patterns import worded

MAX_ROWS = 1000
LARGEST = 3.4e38
"""The networks compute in single precision."""

Value = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST)]
TEXT_LENGTH = 1000
WITHOUT_NUL = worded(r"^[^\x00]*$", "a text without the character NUL")
"""No string of a body may hold the character NUL, which databases cannot store."""


def _number_or_text(value: Any, number: ValidatorFunctionWrapHandler) -> Any:
    """A text, a boolean or null as it is: whether the column takes it is checked later, with its kind."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and len(value) <= TEXT_LENGTH):
        return value
    return number(value)


def _object_or_list(row: Any, values: ValidatorFunctionWrapHandler) -> Any:
    """An object with the values by the names of their columns, checked like a list of them."""
    if not isinstance(row, dict) or not row:
        return values(row)
    return dict(zip(row, values(list(row.values())), strict=True))


CELL_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": -LARGEST, "maximum": LARGEST},
        {"type": "string", "maxLength": TEXT_LENGTH, "pattern": WITHOUT_NUL},
        {"type": "boolean"},
        {"type": "null"},
    ]
}
ROW_SCHEMA = {
    "anyOf": [
        {"type": "array", "items": CELL_SCHEMA, "minItems": 1},
        {
            "type": "object",
            "propertyNames": {"pattern": WITHOUT_NUL},
            "additionalProperties": CELL_SCHEMA,
            "minProperties": 1,
        },
    ]
}
CellValue = Annotated[Value, WrapValidator(_number_or_text)]
Row = Annotated[
    list[CellValue],
    Field(min_length=1),
    FailFast(),
    WrapValidator(_object_or_list),
    WithJsonSchema(ROW_SCHEMA),
]


class Rows(BaseModel):
    """Rows as in the data set, not scaled: a list of all features, or an object by the names of the columns.

    In a table, null stands for a missing value, and a text for a level, a boolean or a date.
    """

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS), FailFast()] = Field(
        examples=[[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]]
    )


class Prediction(ResponseModel):
    """The prediction for one row. probabilities: null if the output layer gives scores instead.

    value: of a regression the number, in the unit of the target; all else is null then.
    """

    label: str | None
    index: int | None
    probabilities: list[float] | None
    scores: list[float] | None
    value: float | None = None


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
    ignored: list[str] = Field(description="Names in the rows that are not those of a column.")
    unknown: dict[str, int] = Field(
        description="How many rows have a level that no row of the data set has, by column."
    )
    items: list[Prediction]
