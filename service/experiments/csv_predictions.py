"""Predict the rows of a CSV as they arrive, block by block. The predictions wait in a file until all rows are read.

So a request is refused as a whole if one of its rows is, and a client may send everything before it reads anything.
"""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Self

import numpy as np

from service.experiments.model_cache import LoadedModel
from service.schemas.csv import FORMULA
from workers.predictor import Overflow, Predictions, Predictor
from workers.table_rows import MalformedCsv
from workers.validation.errors import FieldError, InvalidSpec

MEMORY_BYTES = 2**20
"""Of the predictions; more are on disk."""


class CsvPredictions:
    """The predictions of one request. Close it. `feed` and `finish` compute, and run in a thread.

    Raises InvalidSpec with the first cells that cannot be converted, or MalformedCsv.
    """

    def __init__(self, model: LoadedModel) -> None:
        import pyarrow as pa

        from workers.table_csv import CsvConverter, LineBlocks

        pa.set_memory_pool(
            pa.system_memory_pool()
        )  # which gives back what is freed; the default one keeps 15 MB
        self._model, self._blocks, self._converter_of = model, LineBlocks(), CsvConverter
        self._converter: CsvConverter | None = None
        self._file: IO[bytes] = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 -- closed by `close`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def feed(self, chunk: bytes) -> None:
        """Predict the rows that a chunk completes."""
        for block in self._blocks.feed(chunk):
            self._predict(block)

    def finish(self) -> IO[bytes]:
        """Predict the last rows. Returns the file with all predictions, at its beginning."""
        rest = self._blocks.rest()
        if rest.strip():
            self._predict(rest)
        if self._converter is None or not self._converter.rows:
            raise MalformedCsv(
                "There are no rows. The first line names the columns, and each further one is a row."
            )
        self._file.seek(0)
        return self._file

    @property
    def ignored(self) -> list[str]:
        """Columns of the CSV that the data set has not."""
        return self._converter.ignored if self._converter else []

    @property
    def unknown(self) -> dict[str, int]:
        """How many cells of each column have a level that the data set has not."""
        return self._converter.unknown if self._converter else {}

    def _predict(self, block: bytes) -> None:
        if self._converter is None:
            block = self._start(block)
        assert self._converter is not None  # noqa: S101
        before = self._converter.rows
        found = self._converter.convert(block)
        if found.errors:
            raise InvalidSpec(found.errors)
        if not len(found.values):
            return
        with self._model.alone() as predictor:
            try:
                predicted = predictor(predictor.stored(found.values))
            except Overflow as error:
                path, message = f"rows[{before + error.row}]", "its numbers are too large for the network"
                raise InvalidSpec([FieldError(path, None, message)]) from None
        self._write(predicted, predictor)

    def _start(self, block: bytes) -> bytes:
        """Read the first line, and write that of the predictions. Returns the rows."""
        first, _, rest = block.lstrip(b"\r\n").partition(b"\n")
        predictor = self._model.predictor
        self._converter = self._converter_of(
            first, predictor.columns, predictor.features, takes_missing=predictor.takes_missing
        )
        self._write_table({name: [name] for name in _headings(predictor)})
        return block if self._converter.starts_with_row else rest

    def _write(self, predicted: Predictions, predictor: Predictor) -> None:
        names = iter(_headings(predictor))
        columns: dict[str, Any] = {}
        if not predictor.is_regression:
            labels = np.array([_safe(label) for label in predictor.classes], object)
            columns[next(names)] = labels[predicted.labels]
        columns |= dict(zip(names, predicted.outputs.T, strict=True))
        self._write_table(columns)

    def _write_table(self, columns: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.csv

        table = pa.table(list(map(pa.array, columns.values())), list(map(str, range(len(columns)))))
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        pyarrow.csv.write_csv(table, self._file, options)


def _headings(predictor: Predictor) -> list[str]:
    """The names of the columns of the predictions."""
    if predictor.is_regression:
        return ["value"]
    what = "probability" if predictor.is_distribution else "score"
    return ["label", *(f"{what} {name}" for name in predictor.classes)]


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The content of a file; it is closed at the end."""
    with file:
        while chunk := file.read(size):
            yield chunk
