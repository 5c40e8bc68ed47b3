"""The response models of epochs: metrics, figures per class, confusion matrices."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, Self

from pydantic import Field

from service.schemas.base import FOLD, REPEAT, Next, ResponseModel, Time, share_bounds
from service.schemas.metric_fields import with_metrics
from workers.evaluation.metrics import METRICS
from workers.evaluation.metrics.per_bin import BIN_METRICS
from workers.evaluation.metrics.per_class import CLASS_METRICS

MajorityAccuracies = Mapping[tuple[int, int, str], float | None]
"""By repeat, fold and part; None if the part is empty."""
Split = Literal["train", "validation", "evaluation", "test"]


BOUNDS: dict[str, Any] = {
    "accuracy_low": (float | None, Field(description="95 % interval by Wilson's method.")),
    "accuracy_high": float | None,
}


@with_metrics(METRICS, beside={"accuracy": BOUNDS | {"majority_accuracy": float | None}})
class PartMetrics(ResponseModel):
    """The metrics of one part after one epoch of one run."""

    epoch: int
    split: Split
    seed: int
    rows: int


class MetricsRow(PartMetrics):
    """Metrics on one part after one epoch of one run. majority_accuracy: by always predicting the majority class."""

    learning_rate: float | None
    gradient_norm: float | None
    seconds: float | None
    recorded_at: Time
    repeat: int = REPEAT
    fold: int = FOLD

    @classmethod
    def of(cls, row: Any, majority: MajorityAccuracies) -> Self:
        return next(cls.all_of([row], majority))

    @classmethod
    def all_of(cls, rows: Iterable[Any], majority: MajorityAccuracies) -> Iterator[Self]:
        """Convert rows with the same columns. Their names are read once: each row would build them anew."""
        columns: tuple[str, ...] | None = None
        for row in rows:
            columns = columns or row._fields
            yield cls._of(columns, tuple(row), majority[row.repeat, row.fold, row.split])

    @classmethod
    @lru_cache(maxsize=1000)
    def _of(cls, columns: tuple[str, ...], row: tuple[Any, ...], majority: float | None) -> Self:
        """Cached, because other dashboards will read the same rows."""
        figures = dict(zip(columns, row, strict=True))
        accuracy = figures["accuracy"]
        low, high = (None, None) if accuracy is None else share_bounds(accuracy, figures["rows"])
        bounds = {"accuracy_low": low, "accuracy_high": high, "majority_accuracy": majority}
        return cls.model_validate(figures | bounds)


class MetricsPage(ResponseModel):
    """Metrics in the order epoch, repeat, fold, seed, split."""

    items: list[MetricsRow]
    next: Next = Field(
        description="The link to the rows that follow; null once the experiment has ended and all rows were read."
    )


class EpochRow(MetricsRow):
    """Metrics on one part after one epoch of one run of one experiment."""

    experiment_id: int


class EpochsPage(ResponseModel):
    """Metrics in the order experiment, epoch, repeat, fold, seed, split."""

    items: list[EpochRow]
    next: Next


@with_metrics((*CLASS_METRICS, *BIN_METRICS), beside={"accuracy": BOUNDS})
class ClassMetrics(ResponseModel):
    """The metrics of one class, or of a regression of one bin, on one part after one epoch of one run."""

    class_: str = Field(serialization_alias="class")
    index: int
    split: Split
    seed: int
    epoch: int


class ClassRow(ClassMetrics):
    """Figures of one class on one part after one epoch of one run. Its accuracy is its recall.

    Of a regression, of one bin of the targets: accuracy, precision, F1 and specificity are null. Of a classification,
    the errors are null.
    """

    support: int
    drawn: int | None = Field(
        description="Examples of the class that the epoch trained on, after balancing; null for other parts."
    )
    repeat: int = REPEAT
    fold: int = FOLD

    @classmethod
    def all_of(cls, row: Any, classes: list[str]) -> "Iterator[ClassRow]":
        """Convert a row of the table, which has a list of each figure in the order of the classes."""
        no_value = [None] * len(classes)  # of a metric that is newer than the epoch
        columns = {
            metric.name: getattr(row, metric.name, None) or no_value
            for metric in (*CLASS_METRICS, *BIN_METRICS)
        }
        columns |= {"class_": classes, "support": row.support, "drawn": row.drawn or no_value}
        for index, values in enumerate(zip(*columns.values(), strict=True)):
            figures = dict(zip(columns, values, strict=True))
            numbers = figures["mae"] is not None
            low, high = (
                (None, None) if numbers else share_bounds(figures["accuracy"] or 0, figures["support"])
            )
            yield cls(
                index=index,
                split=row.split,
                seed=row.seed,
                repeat=row.repeat,
                fold=row.fold,
                epoch=row.epoch,
                accuracy_low=low,
                accuracy_high=high,
                **figures,
            )


class ClassesPage(ResponseModel):
    """Figures per class in the order epoch, repeat, fold, seed, split, class."""

    items: list[ClassRow]
    next: Next


class ConfusionMatrix(ResponseModel):
    """Rows are the true classes, columns the predicted ones."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    split: Split
    epoch: int
    matrix: list[list[int]]

    @classmethod
    def of(cls, row: Any) -> "ConfusionMatrix":
        run = {"seed": row.seed, "repeat": row.repeat, "fold": row.fold}
        return cls(**run, split=row.split, epoch=row.epoch, matrix=row.confusion)


class Confusion(ResponseModel):
    """Confusion matrices, with the names of their rows and columns."""

    classes: list[str]
    items: list[ConfusionMatrix]
