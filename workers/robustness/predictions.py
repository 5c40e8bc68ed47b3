"""What the models of each fold predict for its rows under one corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers import array_bytes
from workers.data.dataset import Dataset, Features
from workers.predictor import Predictor
from workers.robustness.battery import Battery, Cell

Predicted = NDArray[Any]
"""(S, N): of each model the class of each row, in the smallest unsigned type, or of a regression its number."""


@dataclass(frozen=True, eq=False)
class MeasuredFold:
    """The rows of one fold, and the models that are measured on them. One split is one fold."""

    part: Dataset
    predictors: Sequence[Predictor]

    @property
    def is_regression(self) -> bool:
        return self.predictors[0].is_regression

    def battery(self) -> Battery:
        return Battery(self.part, self.predictors[0].takes_missing)


class Scorer:
    """Predicts the rows of all folds, one cell after the other."""

    def __init__(self, folds: Sequence[MeasuredFold]) -> None:
        self._folds = [(fold, fold.battery()) for fold in folds]

    def predict(self, cell: Cell | None) -> list[Predicted]:
        """The predictions of each fold for its rows under a corruption, or as they are. Raises Overflow."""
        return [_predict(fold, battery, cell, index) for index, (fold, battery) in enumerate(self._folds)]


def to_bytes(predicted: Sequence[Predicted]) -> bytes:
    """The predictions of one cell; `from_bytes` reads them."""
    return array_bytes.to_bytes({str(index): each for index, each in enumerate(predicted)})


def from_bytes(content: bytes) -> list[Predicted]:
    """The inverse of `to_bytes`."""
    arrays: Mapping[str, Predicted] = array_bytes.from_bytes(content)
    return [arrays[str(index)] for index in range(len(arrays))]


def _predict(fold: MeasuredFold, battery: Battery, cell: Cell | None, index: int) -> Predicted:
    found: list[list[NDArray[Any]]] = [[] for _ in fold.predictors]
    for rows in battery.blocks(cell, index):
        for predictor, mine in zip(fold.predictors, found, strict=True):
            mine.append(_of_block(predictor, rows))
    kind = np.float64 if fold.is_regression else np.min_scalar_type(len(fold.part.classes) - 1)
    return np.stack([np.concatenate(mine).astype(kind) for mine in found])


def _of_block(predictor: Predictor, rows: Features) -> NDArray[Any]:
    found = predictor(rows)
    return found.outputs[:, 0] if predictor.is_regression else found.labels
