"""Row-level results: what one run predicted for each row at its selected epoch, in 18 to 23 bytes a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers import array_bytes
from workers.nn.arrays import Array, Integers

Unsigned = NDArray[np.unsignedinteger[Any]]
Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]
OPTIONAL: Mapping[str, Any] = dict.fromkeys(
    ("score", "confidence", "prediction", "loss", "place", "squared_distance")
)


TOP = (3, 5)
"""Among so many best classes the true one counts as found, for a top-k accuracy."""


class CorruptRowResults(ValueError):
    """The bytes are not row-level results of this project."""


@dataclass(frozen=True, eq=False)
class RowPredictions:
    """What one evaluation predicted. predicted: (n,), classes in the smallest unsigned type.

    score, confidence: (n,) float32, the probabilities of the true class and of the predicted one; None if the output
    layer gives no probabilities. loss: (n,), that of the spec. prediction: (n,), of a regression the predicted
    numbers; `predicted` is empty then. place: of more than three classes, how many have a better score than the true
    one. squared_distance: of more than two classes, the Brier score.
    """

    predicted: Unsigned
    score: Singles | None
    confidence: Singles | None
    prediction: Doubles | None = None
    loss: Singles | None = None
    place: Unsigned | None = None
    squared_distance: Singles | None = None

    @staticmethod
    def of_numbers(predictions: Doubles, losses: Array) -> "RowPredictions":
        """predictions, losses: (n,), of one evaluation of a regression."""
        return RowPredictions(
            np.empty(0, np.uint8), None, None, predictions.astype(np.float64), losses.astype(np.float32)
        )

    @staticmethod
    def of(
        predicted: Integers,
        negative_log_p: Array | None,
        confidence: Array | None,
        classes: int,
        *,
        losses: Array | None = None,
        places: Integers | None = None,
        squared_distance: Array | None = None,
    ) -> "RowPredictions":
        """All (n,), of one evaluation among `classes` classes."""
        score = None if negative_log_p is None else np.exp(-negative_log_p)
        return RowPredictions(
            _smallest(predicted, classes),
            _single(score),
            _single(confidence),
            loss=_single(losses),
            place=None if places is None or classes <= min(TOP) else _smallest(places, classes),
            squared_distance=_single(squared_distance) if classes > 2 else None,
        )

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, for a checkpoint: `from_arrays` reads them."""
        return {name: array for name, array in vars(self).items() if array is not None}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Any]) -> "RowPredictions | None":
        """Read the result of `arrays`; None if there are no arrays."""
        return RowPredictions(**{**OPTIONAL, **arrays}) if arrays else None


@dataclass(frozen=True, eq=False)
class RowResults:
    """The predictions of one run, with the rows that they are of. All arrays have a value a row.

    rows: uint32, indices in the data set as uploaded. labels: the true classes, in the smallest unsigned type.
    The others: as in `RowPredictions`. targets: (n,), of a regression the true numbers; the labels are their bins.
    """

    rows: NDArray[np.uint32]
    labels: Unsigned
    predicted: Unsigned
    score: Singles | None
    confidence: Singles | None
    prediction: Doubles | None = None
    loss: Singles | None = None
    place: Unsigned | None = None
    squared_distance: Singles | None = None
    targets: Doubles | None = None

    @staticmethod
    def of(
        predictions: RowPredictions,
        rows: Integers,
        labels: Integers,
        classes: int,
        targets: Doubles | None = None,
    ) -> "RowResults":
        """rows, labels, targets: (n,), of the part that was evaluated."""
        indices = rows.astype(np.uint32)
        return RowResults(indices, _smallest(labels, classes), **vars(predictions), targets=targets)

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take."""
        return sum(array.nbytes for array in vars(self).values() if array is not None)

    def to_bytes(self) -> bytes:
        """Write a safetensors file."""
        return array_bytes.to_bytes({name: array for name, array in vars(self).items() if array is not None})

    @staticmethod
    def from_bytes(content: bytes) -> "RowResults":
        """Read the result of `to_bytes`. Raises CorruptRowResults."""
        try:
            return RowResults(**{**OPTIONAL, **array_bytes.from_bytes(content)})
        except Exception as error:
            raise CorruptRowResults(f"not row-level results: {type(error).__name__}") from error


def _single(values: Array | None) -> Singles | None:
    return None if values is None else values.astype(np.float32)


def _smallest(values: Integers, classes: int) -> Unsigned:
    return values.astype(np.min_scalar_type(classes - 1))
