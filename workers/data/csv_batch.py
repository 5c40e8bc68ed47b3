"""Reads the rows of a batch from a CSV file: the columns of a model by their names, in any order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from workers.data.batch_file import BatchLayout, BatchNotes, codes_of, require_few, write_batch
from workers.data.columns import Column
from workers.data.errors import MalformedFile
from workers.data.tables.cells import CellRules, level_code
from workers.data.tables.column_builders import DateBuilder, NumberBuilder, TextBuilder
from workers.data.tables.csv_reader import CsvReader
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.table_reader import ReadAgain

RULES = CellRules()
SHOWN = 10


def read_csv_batch(folder: Path, layout: BatchLayout, out: Path) -> BatchNotes:
    """Read folder/file, and write its rows to `out`. Raises MalformedFile."""
    file = f"{folder.name}.csv"
    reader = CsvReader(folder / "file", file, TableOptions(label=layout.label, header=_header(layout)))
    batch = _Batch(reader, layout)
    try:
        batch.read()
    except ReadAgain:
        batch = _Batch(reader, layout)
        batch.read()
    if not batch.rows:
        raise MalformedFile(file, "has no row", "a batch has at least one")
    rows = write_batch(out, batch.rows, batch.labels if batch.label is not None else None)
    return BatchNotes(rows, batch.label is not None, batch.unknown, batch.ignored)


def _header(layout: BatchLayout) -> bool | None:
    """Columns with names have a header; whether others have one is seen."""
    return None if layout.columns is None else True


class _Batch:
    """One pass over the file. label: the position of the column with the labels, if it is there."""

    def __init__(self, reader: CsvReader, layout: BatchLayout) -> None:
        self._reader, self._layout = reader, layout
        names = [column.name for column in reader.columns]
        self.label = self._label(names)
        self._columns = self._positions(names)
        taken = {*self._columns, self.label}
        self.ignored = [name for place, name in enumerate(names) if place not in taken]
        self.unknown: dict[str, int] = {}
        self.rows: list[NDArray[np.float64]] = []
        self.labels: list[NDArray[Any]] = []
        self._read = 0

    def read(self) -> None:
        for batch in self._reader.batches():
            count = len(batch[0])
            require_few(self._reader.file, self._read + count, self._layout.features)
            rows = np.empty((count, len(self._columns)))
            for place, position in enumerate(self._columns):
                rows[:, place] = self._values(batch[position], place, position)
            if self.label is not None:
                self.labels.append(self._labels(batch[self.label]))
            self.rows.append(rows)
            self._read += count

    def _label(self, names: Sequence[str]) -> int | None:
        wanted = self._layout.label
        if wanted is not None and wanted in names:
            return list(names).index(wanted)
        if self._layout.needs_label:
            right = f"its columns are {', '.join(map(quoted, names[:SHOWN]))}"
            raise MalformedFile(self._reader.file, f"has no column {quoted(str(wanted))}", right)
        return None

    def _positions(self, names: Sequence[str]) -> list[int]:
        """The position in the file of each feature."""
        columns = self._layout.columns
        if columns is None:
            places = [place for place in range(len(names)) if place != self.label]
            if len(places) != self._layout.features:
                right = f"the data set has {self._layout.features:,} features"
                raise MalformedFile(self._reader.file, f"has {len(places):,} columns of features", right)
            return places
        found = {name: place for place, name in enumerate(names)}
        absent = [column.name for column in columns if column.name not in found]
        if absent:
            more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
            wrong = f"lacks the columns {', '.join(map(quoted, absent[:SHOWN]))}{more}"
            raise MalformedFile(
                self._reader.file, wrong, "the model needs them; leave a cell empty if unknown"
            )
        return [found[column.name] for column in columns]

    def _values(self, array: Any, place: int, position: int) -> NDArray[np.float64]:
        columns = self._layout.columns
        column = Column(str(place)) if columns is None else columns[place]
        if column.levels is not None:
            return self._codes(array, column, position)
        builder = DateBuilder(RULES) if column.kind == "date" else NumberBuilder(RULES)
        values = builder.append(array)
        if builder.first_offender is not None:
            kind = "a date such as 2024-05-31" if column.kind == "date" else "a number"
            self._refuse(position, builder.first_offender, next(iter(builder.offenders)), kind)
        return values

    def _codes(self, array: Any, column: Column, position: int) -> NDArray[np.float64]:
        builder = TextBuilder(RULES)
        found = builder.append(array)
        levels = column.levels or ()
        codes = [level_code(text, levels) for text in builder.levels]
        known = np.array([-1.0 if code is None else code for code in codes] + [np.nan])
        values: NDArray[np.float64] = known[np.where(np.isnan(found), len(codes), found).astype(np.int64)]
        unknown = int((values == -1).sum())
        if unknown and column.kind == "boolean":
            first = int((values == -1).argmax())
            self._refuse(position, first, str(array[first]), " or ".join(map(quoted, levels)))
        if unknown:
            self.unknown[column.name] = self.unknown.get(column.name, 0) + unknown
        return values

    def _labels(self, array: Any) -> NDArray[Any]:
        missing = np.asarray(pc.fill_null(pc.equal(pc.utf8_trim_whitespace(array), ""), True))
        if missing.any():
            self._refuse(
                self.label or 0, int(missing.argmax()), "", "a label; send rows without labels apart"
            )
        if self._layout.classes:
            return codes_of(array.to_pylist(), self._layout.classes)
        builder = NumberBuilder(RULES)
        values = builder.append(array)
        if np.isnan(values).any():
            first = int(np.isnan(values).argmax())
            self._refuse(self.label or 0, first, str(array[first]), "a number")
        return values

    def _refuse(self, position: int, row: int, text: str, right: str) -> None:
        where = self._reader.place(self._read + row, position)
        raise MalformedFile(where, f"is {quoted(text)}", f"it should be {right}")
