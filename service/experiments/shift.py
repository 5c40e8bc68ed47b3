"""Compares a batch of rows with the validation rows of a model."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.experiments.model_cache import LoadedModel
from service.experiments.shift_references import ShiftReferences
from service.schemas.shift import Shift
from workers import scored_rows
from workers.data.batch_file import codes_of
from workers.nn.arrays import Integers
from workers.predictor import Overflow, Predictor
from workers.randomness import generator
from workers.request_rows import GivenRows, rows_for
from workers.shift.report import ShiftReport, compare
from workers.shift.rows import Reference, ScoredRows
from workers.validation.errors import FieldError, InvalidSpec

Label = str | float | bool
CONVERTED_ROWS = 10_000
SHOWN_ERRORS = 20


@dataclass(frozen=True, eq=False)
class RowBatch:
    """Rows to compare. values: (n, d), in the numbers of the data set before its offset is subtracted.

    labels: (n,), codes of classes, -1 for one that the data set has not; of a regression the targets; None if
    unknown. unknown, ignored: as in `workers.table_rows.StoredRows`. name: what the sender calls it, unchecked.
    """

    values: NDArray[np.float64] | NDArray[np.uint8]
    labels: NDArray[np.int64] | NDArray[np.float64] | None
    unknown: dict[str, int] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    name: str | None = None


@dataclass(frozen=True, eq=False)
class ComparedBatch:
    """The report on a batch, with the reference that it was compared with."""

    batch: RowBatch
    reference: Reference
    report: ShiftReport

    def described(self, model: LoadedModel) -> Shift:
        """The report as responses have it."""
        return Shift.of(
            self.report,
            self.reference.classes,
            experiment_id=model.experiment.id,
            **model.key._asdict(),
            rows=len(self.batch.values),
            validation_rows=len(self.reference.rows),
            ignored=self.batch.ignored,
            unknown=self.batch.unknown,
        )


def batch_of_json(predictor: Predictor, rows: GivenRows, labels: Sequence[Label] | None) -> RowBatch:
    """A batch as the body of a request has it. Raises InvalidSpec."""
    found = rows_for(predictor, rows)
    if labels is None:
        return RowBatch(found.values, None, found.unknown, found.ignored)
    if len(labels) != len(rows):
        message = f"has {len(labels):,} labels for {len(rows):,} rows"
        raise InvalidSpec([FieldError("labels", None, message)])
    codes = (
        _targets(labels) if predictor.is_regression else codes_of(list(map(_text, labels)), predictor.classes)
    )
    return RowBatch(found.values, codes, found.unknown, found.ignored)


def _text(label: Label) -> str:
    """A label as the name of a class: whole numbers without a fraction."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def _targets(labels: Sequence[Label]) -> NDArray[np.float64]:
    for index, label in enumerate(labels):
        if isinstance(label, (str, bool)):
            raise InvalidSpec(
                [FieldError(f"labels[{index}]", label, "should be a number: this is a regression")]
            )
    return np.array(labels, np.float64)


def compare_batch(model: LoadedModel, references: ShiftReferences, batch: RowBatch) -> ComparedBatch:
    """Compare a batch with the validation rows of a model. Raises InvalidSpec or DatasetError."""
    reference, stream = references.of(model), generator(0, "shift", 1)
    return ComparedBatch(batch, reference, compare(reference, scored_batch(model, batch, stream), stream))


def scored_batch(model: LoadedModel, batch: RowBatch, stream: np.random.Generator) -> ScoredRows:
    """The rows of a batch, scored by a model. Raises InvalidSpec."""
    of_regression = model.predictor.is_regression
    labels: Integers | None = None if batch.labels is None or of_regression else batch.labels.astype(np.int64)
    targets = batch.labels.astype(np.float64) if batch.labels is not None and of_regression else None
    with model.alone() as predictor:
        stored = _stored(predictor, batch.values)
        try:
            return scored_rows.score(predictor, stored, stream, labels, targets)
        except Overflow as error:
            raise InvalidSpec([FieldError(f"rows[{error.row}]", None, str(error))]) from None


def _stored(predictor: Predictor, values: NDArray[np.float64] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """The rows as the data set stores them. Raises InvalidSpec if a value is missing that may not be."""
    stored = np.empty(values.shape, np.float32)
    for start in range(0, len(values), CONVERTED_ROWS):
        some = slice(start, start + CONVERTED_ROWS)
        stored[some] = predictor.stored(values[some].astype(np.float64))
    if predictor.takes_missing:
        return stored
    missing = np.argwhere(np.isnan(stored))[:SHOWN_ERRORS].tolist()
    if missing:
        columns = predictor.columns
        message = "is missing, and no training row lacked a value: the model cannot replace it"
        names = [f"'{columns[place].name}'" if columns else f"feature {place}" for _, place in missing]
        places = zip(missing, names, strict=True)
        raise InvalidSpec(
            [FieldError(f"rows[{row}]", None, f"{name} {message}") for (row, _), name in places]
        )
    return stored
