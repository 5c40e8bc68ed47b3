"""Reads text tables: with pyarrow, and line by line if pyarrow refuses a line or a quote may mean something else.

Reading line by line takes many times longer, but follows RFC 4180 to the letter, and finds the place of an error.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from workers.data.errors import FileTooLarge
from workers.data.tables.dialect import Dialect, recognise, split_spaces
from workers.data.tables.header import read_header
from workers.data.tables.line_blocks import LineBlock, quoted, read_blocks
from workers.data.tables.options import TableOptions
from workers.data.tables.table_reader import Batch, ReadAgain, TableReader

BLOCK_BYTES = 2**22
LARGEST_BLOCK = 2**25
QUOTE_BLOCK_BYTES = 2**22
BLOCK_LINES = 512
"""In a block of a wide table: each column of each block costs time, however few rows it has."""
MOST_COLUMNS = 2**18 + 1
QUOTE = '"'


class CsvReader(TableReader):
    """The table in a text file. `file` is its name in messages. Raises MalformedFile."""

    def __init__(self, path: Path, file: str, options: TableOptions) -> None:
        self.file, self._path, self.file_bytes = file, path, path.stat().st_size
        with path.open("rb") as stream:
            first = next(read_blocks(stream, file), LineBlock(file, 1, [""]))
        _require_few_columns(first)
        self._dialect = recognise(first.lines, options) if first.lines[0].strip() else _empty()
        header = read_header(self._dialect, options, file)
        self.columns, self.header = header.columns, header.is_there
        self.doubts = (*self._dialect.doubts, *header.doubts)
        self.delimiter, self.decimal = self._dialect.delimiter, self._dialect.decimal
        self._line_bytes = len(first.lines[0])
        self._delimiter = self.delimiter
        if any(QUOTE in line for line in first.lines):
            self._rows(self._without_header(first))  # refuses it if a quote is not closed
        elif self.delimiter == " ":
            self._path, self._delimiter = _with_tabs(path, file), "\t"
        self._has_quotes, self._is_exact = _quotes(self._path, self._delimiter)

    def batches(self) -> Iterator[Batch]:
        if self._is_exact:
            yield from self._exact_batches()
            return
        try:
            yield from self._fast_batches()
        except pa.ArrowInvalid:
            self._is_exact = True
        if self._is_exact:
            raise ReadAgain

    def place(self, row: int, column: int) -> str:
        name, rows = quoted(self.columns[column].name), row + bool(self.header)
        with self._path.open("rb") as stream:
            for block in read_blocks(stream, self.file):
                filled = [index for index, line in enumerate(block.lines) if line.strip("\r")]
                if rows < len(filled):
                    return f"{self.file}, line {block.number + filled[rows]}, column {name}"
                rows -= len(filled)
        return super().place(row, column)

    def _fast_batches(self) -> Iterator[Batch]:
        """The rows as pyarrow reads them; stops at a cell with a line break."""
        names = [str(number) for number in range(len(self.columns))]
        block = min(max(BLOCK_BYTES, BLOCK_LINES * self._line_bytes), LARGEST_BLOCK)
        stream = pyarrow.csv.open_csv(
            self._path,
            pyarrow.csv.ReadOptions(
                use_threads=False, block_size=block, column_names=names, skip_rows=int(bool(self.header))
            ),
            pyarrow.csv.ParseOptions(delimiter=self._delimiter),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
        for batch in stream:
            if self._has_quotes and any(map(_is_doubtful, batch.columns)):
                self._is_exact = True
                return
            yield batch.columns

    def _exact_batches(self) -> Iterator[Batch]:
        with self._path.open("rb") as stream:
            for block in read_blocks(stream, self.file):
                rows = self._rows(self._without_header(block))
                cells = zip(*rows, strict=True) if rows else [[] for _ in self.columns]
                yield [pa.array(column, pa.string()) for column in cells]

    def _without_header(self, block: LineBlock) -> LineBlock:
        return LineBlock(block.file, 2, block.lines[1:]) if block.number == 1 and self.header else block

    def _rows(self, block: LineBlock) -> list[list[str]]:
        """The fields of the lines that are not empty. Raises MalformedFile with the line."""
        try:
            rows = list(self._parsed(block.lines))
        except csv.Error:
            self._refuse(block)
        if len(rows) != len(block.lines) or any(len(row) not in (0, len(self.columns)) for row in rows):
            self._refuse(block)
        return [row for row in rows if row]

    def _refuse(self, block: LineBlock) -> NoReturn:
        """Raise MalformedFile about the first line that is wrong."""
        for index, line in enumerate(block.lines):
            try:
                fields = next(self._parsed([line]), [])
            except csv.Error:
                right = "a quote opens and closes a field on one line, and is doubled within"
                block.refuse(index, "cannot be parsed", right)
            if len(fields) not in (0, len(self.columns)):
                names = "names" if self.header else "has"
                right = f"the first line {names} {len(self.columns):,}"
                block.refuse(index, f"has {len(fields):,} fields", right)
        raise AssertionError("a block was refused, but each of its lines is valid")

    def _parsed(self, lines: list[str]) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, strict=True, skipinitialspace=True)


def _empty() -> Dialect:
    return Dialect(",", ".", [])


def _require_few_columns(block: LineBlock) -> None:
    fields = max(block.lines[0].count(mark) for mark in ",;\t| ") + 1
    if fields > MOST_COLUMNS:
        right = f"at most {MOST_COLUMNS - 1:,} features are read"
        raise FileTooLarge(f"{block.file}, line 1", f"names {fields:,} columns", right)


def _is_doubtful(array: Any) -> bool:
    """Whether a cell contains a line break: a quote may not be closed."""
    return any(pc.any(pc.match_substring(array, mark)).as_py() for mark in "\r\n")


def _quotes(path: Path, delimiter: str) -> tuple[bool, bool]:
    """Whether a file contains quotes, and whether one stands within a field that has no quotes around it.

    Within means: neither next to a delimiter or to the end of a line, nor next to another quote.
    """
    marks, carry, has_quotes, content = f'{delimiter}"\r\n'.encode(), b"\n", False, b" "
    with path.open("rb") as file:
        while content:
            content = file.read(QUOTE_BLOCK_BYTES)
            block = np.frombuffer(carry + (content or b"\n"), np.uint8)
            places = np.flatnonzero(block[1:-1] == ord(QUOTE)) + 1
            has_quotes = has_quotes or len(places) > 0
            if not np.isin(block[[places - 1, places + 1]], list(marks)).any(axis=0).all():
                return True, True
            carry = block[-2:].tobytes()
    return has_quotes, False


def _with_tabs(path: Path, file: str) -> Path:
    """A copy of a file with one tab instead of each run of spaces."""
    copy = path.with_suffix(".tabs")
    with path.open("rb") as stream, copy.open("w", encoding="utf-8", newline="\n") as out:
        for block in read_blocks(stream, file):
            out.writelines(f"{split_spaces(line)}\n" for line in block.lines)
    return copy
