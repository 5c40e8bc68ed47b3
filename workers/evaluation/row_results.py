"""Row-level results: what one run predicted for each row at its selected epoch, in about 14 bytes a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers import array_bytes
from workers.nn.arrays import Array, Integers

Unsigned = NDArray[np.unsignedinteger[Any]]
Singles = NDArray[np.float32]
NO_PROBABILITIES: Mapping[str, Any] = {"score": None, "confidence": None}


class CorruptRowResults(ValueError):
    """The bytes are not row-level results of this project."""


@dataclass(frozen=True, eq=False)
class RowPredictions:
    """What one evaluation predicted. predicted: (n,), classes in the smallest unsigned type.

    score, confidence: (n,) float32, the probabilities of the true class and of the predicted one; None if the output
    layer gives no probabilities.
    """

    predicted: Unsigned
    score: Singles | None
    confidence: Singles | None

    @staticmethod
    def of(
        predicted: Integers, negative_log_p: Array | None, confidence: Array | None, classes: int
    ) -> "RowPredictions":
        """predicted, negative_log_p, confidence: (n,), of one evaluation among `classes` classes."""
        score = None if negative_log_p is None else np.exp(-negative_log_p).astype(np.float32)
        single = None if confidence is None else confidence.astype(np.float32)
        return RowPredictions(_smallest(predicted, classes), score, single)

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, for a checkpoint: `from_arrays` reads them."""
        return {name: array for name, array in vars(self).items() if array is not None}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Any]) -> "RowPredictions | None":
        """Read the result of `arrays`; None if there are no arrays."""
        return RowPredictions(**{**NO_PROBABILITIES, **arrays}) if arrays else None


@dataclass(frozen=True, eq=False)
class RowResults:
    """The predictions of one run, with the rows that they are of. All arrays have a value a row.

    rows: uint32, indices in the data set as uploaded. labels: the true classes, in the smallest unsigned type.
    predicted, score, confidence: as in `RowPredictions`.
    """

    rows: NDArray[np.uint32]
    labels: Unsigned
    predicted: Unsigned
    score: Singles | None
    confidence: Singles | None

    @staticmethod
    def of(predictions: RowPredictions, rows: Integers, labels: Integers, classes: int) -> "RowResults":
        """rows, labels: (n,), of the part that was evaluated."""
        indices = rows.astype(np.uint32)
        return RowResults(indices, _smallest(labels, classes), **vars(predictions))

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
            return RowResults(**{**NO_PROBABILITIES, **array_bytes.from_bytes(content)})
        except Exception as error:
            raise CorruptRowResults(f"not row-level results: {type(error).__name__}") from error


def _smallest(values: Integers, classes: int) -> Unsigned:
    return values.astype(np.min_scalar_type(classes - 1))
