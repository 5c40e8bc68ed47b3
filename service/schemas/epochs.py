"""The response models of epochs: metrics, figures per class, confusion matrices."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal, Self

from pydantic import Field

from service.schemas.base import Next, ResponseModel, Time, share_bounds

Split = Literal["train", "validation", "test"]


class MetricsRow(ResponseModel):
    """Metrics on one part after one epoch of one seed. majority_accuracy: by always predicting the majority class."""

    epoch: int
    split: Split
    seed: int
    rows: int
    loss: float
    weighted_loss: float | None = Field(description="Null if every row of the part has weight 0.")
    accuracy: float
    accuracy_low: float | None = Field(description="95 % interval by Wilson's method.")
    accuracy_high: float | None
    majority_accuracy: float | None
    balanced_accuracy: float
    macro_f1: float
    mcc: float
    nll: float | None
    brier: float | None
    ece: float | None
    learning_rate: float | None
    gradient_norm: float | None
    seconds: float | None
    recorded_at: Time

    @classmethod
    def of(cls, row: Any, majority: dict[str, float | None]) -> Self:
        return next(cls.all_of([row], majority))

    @classmethod
    def all_of(cls, rows: Iterable[Any], majority: dict[str, float | None]) -> Iterator[Self]:
        """Convert rows with the same columns. Their names are read once: each row would build them anew."""
        columns: tuple[str, ...] | None = None
        for row in rows:
            columns = columns or row._fields
            yield cls._of(columns, tuple(row), majority[row.split])

    @classmethod
    @lru_cache(maxsize=1000)
    def _of(cls, columns: tuple[str, ...], row: tuple[Any, ...], majority: float | None) -> Self:
        """Cached, because other dashboards will read the same rows."""
        figures = dict(zip(columns, row, strict=True))
        low, high = share_bounds(figures["accuracy"], figures["rows"])
        bounds = {"accuracy_low": low, "accuracy_high": high, "majority_accuracy": majority}
        return cls.model_validate(figures | bounds)


class MetricsPage(ResponseModel):
    """Metrics in the order epoch, seed, split."""

    items: list[MetricsRow]
    next: Next = Field(
        description="The link to the rows that follow; null once the experiment has ended and all rows were read."
    )


class EpochRow(MetricsRow):
    """Metrics on one part after one epoch of one seed of one experiment."""

    experiment_id: int


class EpochsPage(ResponseModel):
    """Metrics in the order experiment, epoch, seed, split."""

    items: list[EpochRow]
    next: Next


class ClassRow(ResponseModel):
    """Figures of one class on one part after one epoch of one seed. Its accuracy is its recall."""

    class_: str = Field(serialization_alias="class")
    index: int
    split: Split
    seed: int
    epoch: int
    accuracy: float | None = Field(description="Null if the part has no rows of the class.")
    accuracy_low: float | None = Field(description="95 % interval by Wilson's method.")
    accuracy_high: float | None
    precision: float | None = Field(description="Null if the class is never predicted.")
    f1: float | None
    support: int
    drawn: int | None = Field(
        description="Examples of the class that the epoch trained on, after balancing; null for validation."
    )

    @classmethod
    def all_of(cls, row: Any, classes: list[str]) -> "Iterator[ClassRow]":
        """Convert a row of the table, which has a list of each figure in the order of the classes."""
        drawn_counts = row.drawn or [None] * len(classes)
        figures = zip(classes, row.accuracy, row.precision, row.f1, row.support, drawn_counts, strict=True)
        for index, (name, accuracy, precision, f1, support, drawn) in enumerate(figures):
            low, high = share_bounds(accuracy or 0, support)
            yield cls(
                class_=name,
                index=index,
                split=row.split,
                seed=row.seed,
                epoch=row.epoch,
                accuracy=accuracy,
                accuracy_low=low,
                accuracy_high=high,
                precision=precision,
                f1=f1,
                support=support,
                drawn=drawn,
            )


class ClassesPage(ResponseModel):
    """Figures per class in the order epoch, seed, split, class."""

    items: list[ClassRow]
    next: Next


class ConfusionMatrix(ResponseModel):
    """Rows are the true classes, columns the predicted ones."""

    seed: int
    split: Split
    epoch: int
    matrix: list[list[int]]

    @classmethod
    def of(cls, row: Any) -> "ConfusionMatrix":
        return cls(seed=row.seed, split=row.split, epoch=row.epoch, matrix=row.confusion)


class Confusion(ResponseModel):
    """Confusion matrices, with the names of their rows and columns."""

    classes: list[str]
    items: list[ConfusionMatrix]
