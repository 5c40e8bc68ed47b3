"""Rows of a table as CSV, block by block: converted to what a data set stores, by the rules of uploads.

Importing this module imports pyarrow, which takes some 40 MB.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.data.tables.cells import CellRules, level_code
from workers.data.tables.column_builders import ColumnBuilder, DateBuilder, NumberBuilder
from workers.table_rows import MalformedCsv
from workers.validation.errors import FieldError

Values = NDArray[np.float64]
BLOCK_BYTES = 2**20
LONGEST_ROW = 2**23
MOST_ERRORS = 20
DELIMITERS = (",", ";", "\t")
UNKNOWN = -1.0
BOM = b"\xef\xbb\xbf"
WRONG_LENGTH = re.compile(r"Row #(\d+): Expected \d+ columns, got (\d+)")
"""Part of a message of pyarrow, which counts the rows of a block from 1."""


class LineBlocks:
    """Cuts bytes that arrive in chunks into blocks of whole records: a line break within quotes ends none."""

    def __init__(self) -> None:
        self._buffer, self._searched = bytearray(), BLOCK_BYTES

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The blocks that a chunk completes. Raises MalformedCsv if a row is too long."""
        self._buffer += chunk
        while len(self._buffer) >= self._searched:
            end = self._end()
            if not end:
                self._searched = 2 * len(self._buffer)
                if len(self._buffer) > LONGEST_ROW:
                    raise MalformedCsv(f"A row is longer than {LONGEST_ROW:,} bytes. Is a quote not closed?")
                return
            yield bytes(self._buffer[:end])
            del self._buffer[:end]
            self._searched = BLOCK_BYTES

    def rest(self) -> bytes:
        """What follows the last complete block."""
        return bytes(self._buffer)

    def _end(self) -> int:
        """The end of the last record in the buffer; 0 if there is none."""
        end = self._buffer.rfind(b"\n") + 1
        while end and self._buffer.count(b'"', 0, end) % 2:
            end = self._buffer.rfind(b"\n", 0, end - 1) + 1
        return end


@dataclass
class CsvRows:
    """The rows of one block: `values` (m, d) as StoredRows has them, and what is wrong with cells."""

    values: Values
    errors: list[FieldError] = field(default_factory=list)


class CsvConverter:
    """Converts the blocks of one CSV, whose first line names its columns in any order.

    columns: what is read, by name; None if the features have no names: then there are as many fields as `features`,
    in their order, and the first line may be a row. ignored: further names of the first line. unknown: how many cells
    of each column have a level that the data set has not. takes_missing: whether a cell may be empty.
    starts_with_row: whether the first line is a row. Raises MalformedCsv.
    """

    def __init__(
        self, first_line: bytes, columns: Sequence[Column] | None, features: int, *, takes_missing: bool
    ) -> None:
        text = _text(first_line.removeprefix(BOM)).strip("\r\n")
        self._delimiter = max(DELIMITERS, key=text.count)
        names = [name.strip() for name in next(csv.reader([text], delimiter=self._delimiter), [])]
        self.starts_with_row = columns is None and all(CellRules().number(name) is not None for name in names)
        if columns is None:
            columns = [Column(str(place)) for place in range(features)]
            names = _places(names, features)
        self._names, self._columns, self._takes_missing = names, columns, takes_missing
        wanted = {column.name for column in columns}
        self.ignored = [name for name in names if name not in wanted]
        self.unknown: dict[str, int] = {}
        self.rows = 0
        self._require_names()
        self._places = [names.index(column.name) for column in columns]

    def _require_names(self) -> None:
        absent = [column.name for column in self._columns if column.name not in self._names]
        if absent:
            listed = ", ".join(f"'{name}'" for name in absent)
            raise MalformedCsv(f"The first line names the columns, and lacks {listed}.")
        twice = sorted({name for name in self._names if self._names.count(name) > 1} - set(self.ignored))
        if twice:
            raise MalformedCsv(f"The first line names '{twice[0]}' twice.")

    def convert(self, block: bytes) -> CsvRows:
        """Convert a block of whole records. Raises MalformedCsv if one has more or fewer fields than the header."""
        arrays = self._arrays(block)
        found = CsvRows(np.empty((len(arrays[0]) if arrays else 0, len(self._columns))))
        for place, (column, array) in enumerate(zip(self._columns, arrays, strict=True)):
            found.values[:, place] = self._values(column, array, found.errors)
        found.errors = sorted(found.errors, key=lambda error: int(error.path[5:].partition("]")[0]))
        self.rows += len(found.values)
        return found

    def _arrays(self, block: bytes) -> list[pa.Array]:
        """The wanted columns as texts."""
        names = [str(place) for place in range(len(self._names))]
        wanted = [names[place] for place in self._places]
        if not block.strip():
            return [pa.array([], pa.string()) for _ in wanted]
        try:
            table = pyarrow.csv.read_csv(
                pa.py_buffer(block),
                pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
                pyarrow.csv.ParseOptions(
                    delimiter=self._delimiter,
                    newlines_in_values=b'"' in block,
                    ignore_empty_lines=len(names) > 1,  # a single cell may be empty
                ),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(wanted, pa.string()),
                    include_columns=wanted,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise MalformedCsv(self._explained(str(error))) from None
        return [table[name].combine_chunks() for name in wanted]

    def _explained(self, message: str) -> str:
        """The library's message in our words."""
        if "UTF8" in message:
            return f"After row {self.rows:,}, the text is not UTF-8."
        row, fields = WRONG_LENGTH.search(message), len(self._names)
        if row is None:
            return f"After row {self.rows:,}, a line does not have {fields:,} fields, as the first line has."
        place = self.rows + int(row[1]) - 1
        return f"rows[{place}] has {int(row[2]):,} fields; the first line has {fields:,}."

    def _values(self, column: Column, array: pa.Array, errors: list[FieldError]) -> Values:
        if column.levels is not None:
            return self._codes(column, column.levels, array, errors)
        builder: ColumnBuilder = (DateBuilder if column.kind == "date" else NumberBuilder)(CellRules())
        values = builder.convert(array)
        absent = np.isnan(values)
        if absent.any():
            is_missing = _is_missing(array)
            what = "a date such as 2024-05-31" if column.kind == "date" else "a number"
            message = f"should be {what}, or empty for a missing value"
            self._refuse(column, array, absent & ~is_missing, message, errors)
            if not self._takes_missing:
                self._refuse(column, array, is_missing, MISSING, errors)
        return values

    def _codes(
        self, column: Column, levels: Sequence[str], array: pa.Array, errors: list[FieldError]
    ) -> Values:
        """The codes of the levels: NaN where missing, -1 where no row of the data set has the level."""
        encoded = array.dictionary_encode()
        rules = CellRules()
        codes = np.array([_code(text, levels, rules) for text in encoded.dictionary.to_pylist()] + [np.nan])
        values: Values = codes[pc.fill_null(encoded.indices, len(codes) - 1).to_numpy(zero_copy_only=False)]
        unknown = values == UNKNOWN
        if column.kind == "boolean":
            pair = " or ".join(f"'{level}'" for level in levels)
            self._refuse(column, array, unknown, f"should be {pair}, or empty for a missing value", errors)
        elif unknown.any():
            self.unknown[column.name] = self.unknown.get(column.name, 0) + int(unknown.sum())
        if not self._takes_missing:
            self._refuse(column, array, np.isnan(values), MISSING, errors)
        return values

    def _refuse(
        self, column: Column, array: pa.Array, bad: NDArray[np.bool_], message: str, errors: list[FieldError]
    ) -> None:
        for index in np.flatnonzero(bad)[:MOST_ERRORS].tolist():
            path = f"rows[{self.rows + index}].{column.name}"
            errors.append(FieldError(path, array[index].as_py() or None, message))


MISSING = "is missing, and no training row lacked a value: the model cannot replace it"


def _is_missing(array: pa.Array) -> NDArray[np.bool_]:
    encoded, rules = array.dictionary_encode(), CellRules()
    of_texts = np.array([rules.is_missing(text) for text in encoded.dictionary.to_pylist()] + [True])
    indices = pc.fill_null(encoded.indices, len(of_texts) - 1).to_numpy(zero_copy_only=False)
    found: NDArray[np.bool_] = of_texts[indices]
    return found


def _code(text: str, levels: Sequence[str], rules: CellRules) -> float:
    if rules.is_missing(text) and text.strip() not in levels:
        return np.nan
    code = level_code(text, levels)
    return UNKNOWN if code is None else float(code)


def _places(fields: Sequence[str], features: int) -> list[str]:
    """The places of features without names, as names. Raises MalformedCsv if there are more or fewer fields."""
    if len(fields) != features:
        raise MalformedCsv(
            f"The first line has {len(fields):,} fields; the data set has {features:,} features without names."
        )
    return [str(place) for place in range(features)]


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise MalformedCsv("The first line is not UTF-8.") from None
