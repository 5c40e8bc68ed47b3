"""The response models of row-level results: what the selected epochs predicted, and the rows that they got wrong."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from service.schemas.base import FOLD, REPEAT, Next, ResponseModel
from workers.evaluation.row_results import RowResults
from workers.nn.arrays import Integers

ROW: Any = Field(description="The index of the row in the data set as uploaded, from 0.")


class PredictedRow(ResponseModel):
    """What the selected epoch of one run predicted for one row that it was measured on.

    class: the true one. score: the predicted probability of the true class; null if the output layer gives none. Of a
    regression, class is the bin of the target, predicted is null, and target, prediction and loss are numbers.
    """

    row: int = ROW
    seed: int
    class_: str = Field(serialization_alias="class")
    predicted: str | None
    score: float | None
    repeat: int = REPEAT
    fold: int = FOLD
    target: float | None = None
    prediction: float | None = None
    loss: float | None = None

    @classmethod
    def all_of(
        cls, run: Any, results: RowResults, indices: Integers, classes: Sequence[str]
    ) -> Iterator["PredictedRow"]:
        """The rows at `indices` of the results of a run, which has `seed`, `repeat` and `fold`."""
        if results.prediction is not None:
            yield from cls._of_numbers(run, results, indices, classes)
            return
        n = len(indices)
        scores = [None] * n if results.score is None else results.score[indices].tolist()
        columns = (results.rows, results.labels, results.predicted)
        rows, labels, predicted = (column[indices].tolist() for column in columns)
        for i in range(n):
            yield cls.model_construct(
                row=rows[i],
                seed=run.seed,
                class_=classes[labels[i]],
                predicted=classes[predicted[i]],
                score=scores[i],
                repeat=run.repeat,
                fold=run.fold,
            )

    @classmethod
    def _of_numbers(
        cls, run: Any, results: RowResults, indices: Integers, classes: Sequence[str]
    ) -> Iterator["PredictedRow"]:
        names = ("rows", "labels", "targets", "prediction", "loss")
        columns = (getattr(results, name)[indices].tolist() for name in names)
        for row, label, target, prediction, loss in zip(*columns, strict=True):
            yield cls.model_construct(
                row=row,
                seed=run.seed,
                class_=classes[label],
                predicted=None,
                score=None,
                repeat=run.repeat,
                fold=run.fold,
                target=target,
                prediction=prediction,
                loss=loss,
            )


class PredictedRowsPage(ResponseModel):
    """A page of predicted rows."""

    items: list[PredictedRow]
    next: Next


class TakenFor(ResponseModel):
    """How many models predicted a wrong class."""

    class_: str = Field(serialization_alias="class")
    runs: int


class MisclassifiedRow(ResponseModel):
    """A row that `wrong` of the `runs` models that were measured on it got wrong. class: the true one.

    score: the mean probability of its true class; null if the output layer gives none.
    """

    row: int = ROW
    class_: str = Field(serialization_alias="class")
    wrong: int
    runs: int
    score: float | None
    predicted: list[TakenFor]


class RowConfusion(ResponseModel):
    """How often rows of a class were taken for another one, over the listed rows and all models."""

    class_: str = Field(serialization_alias="class")
    predicted: str
    predictions: int


class Misclassified(ResponseModel):
    """The rows that most models get wrong, of equally many those with the lowest score first."""

    runs: int = Field(description="The models that were compared: those of the runs that have succeeded.")
    rows: int = Field(description="The rows that were evaluated.")
    wrong_once: int = Field(description="The rows that at least one model got wrong.")
    wrong_in_most: int = Field(description="The rows that more than half of the models got wrong.")
    wrong_in_all: int
    items: list[MisclassifiedRow]
    confusions: list[RowConfusion]
