"""CSV: read in blocks of lines. A block with an error is checked again, line by line, to report the place."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import numpy as np
from pydantic import Field

from workers.data.dataset import Dataset
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.feature_writer import FeatureWriter
from workers.data.formats.format import MOST_FEATURES, Format
from workers.data.formats.labels import InvalidLabel, LabelEncoder
from workers.data.precision import PrecisionLost
from workers.data.sources.source import Contents
from workers.data.tables.line_blocks import LineBlock, quoted, read_blocks
from workers.tagged_union import variant

NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
LARGEST = float(np.finfo(np.float32).max)
SEARCHED = 1000
"""How many column names are searched for one similar to a missing name: each takes time."""


@variant
class CSV(Format):
    """A table in UTF-8: a line that names the columns, then one line per row, with commas between the fields.

    `label` names the column of the class, by default the last; all others are features, and numbers. A line
    break within a field is refused; a byte order mark and empty lines are ignored.
    A column that single precision cannot hold is stored after subtracting an offset, or refused.
    Source: RFC 4180.
    """

    name: Literal["csv"] = "csv"
    label: Annotated[str, Field(strict=True, min_length=1, max_length=200)] | None = None

    def read(self, folder: Path) -> Contents:
        file = f"{folder.name}.csv"
        with (folder / "file").open("rb") as stream, FeatureWriter(folder / "features", file) as writer:
            blocks = read_blocks(stream, file)
            header, rows = _header(next(blocks, LineBlock(file, 1, [""])), self.label)
            table = _Table(header, writer, LabelEncoder())
            for block in chain([rows], blocks):
                table.append(block)
            labels, classes = table.encoder.result()
            if len(classes) < 2:
                found = f"has one class, {quoted(classes[0])}" if classes else "has no rows"
                raise MalformedFile(f"{file}, column {quoted(header.label)}", found, "two classes are needed")
            try:
                features = writer.features(header.features)
            except PrecisionLost as bad:
                names = [name for name in header.columns if name != header.label]
                raise MalformedFile(
                    f"{file}, column {quoted(names[bad.column])}", bad.wrong, bad.right
                ) from None
            return Contents(Dataset(folder.name, features, labels, classes, offset=writer.offset))


@dataclass(frozen=True)
class _Header:
    """The names of the columns, and the position of the label's column."""

    columns: list[str]
    place: int

    @property
    def label(self) -> str:
        return self.columns[self.place]

    @property
    def features(self) -> int:
        return len(self.columns) - 1


def _header(block: LineBlock, wanted: str | None) -> tuple[_Header, LineBlock]:
    """The header in the first line, and the block of the lines after it."""
    first = block.lines[0]
    if first.count(",") > MOST_FEATURES:
        right = f"at most {MOST_FEATURES:,} features are read"
        raise FileTooLarge(f"{block.file}, line 1", f"names {first.count(',') + 1:,} columns", right)
    columns = [name.strip() for name in _fields(block, 0)]
    _require_names(block, columns)
    if wanted is not None and wanted not in columns:
        near = get_close_matches(wanted, columns[:SEARCHED], n=1)
        hint = f"did you mean {quoted(near[0])}? " if near else ""
        some = ", ".join(map(quoted, columns[:10])) + (", ..." if len(columns) > 10 else "")
        block.refuse(0, f"has no column {quoted(wanted)} for the label", f"{hint}its columns are {some}")
    place = len(columns) - 1 if wanted is None else columns.index(wanted)
    return _Header(columns, place), LineBlock(block.file, block.number + 1, block.lines[1:])


def _require_names(block: LineBlock, columns: list[str]) -> None:
    if not any(columns):
        block.refuse(0, "is empty", "the first line names the columns")
    if len(columns) == 1:
        other = next((f", not with {mark!r}" for mark in (";", "\t", "|") if mark in columns[0]), "")
        block.refuse(0, "has one column", f"a label and a feature are needed, separated with a comma{other}")
    if all(NUMBER.fullmatch(name) for name in columns):
        block.refuse(0, "is all numbers", "the first line names the columns")
    if not all(columns):
        place = columns.index("") + 1
        right = "a column of row numbers is not a feature: leave it out (pandas: index=False)"
        block.refuse(0, f"does not name column {place:,}", right)
    [(name, times)] = Counter(columns).most_common(1)
    if times > 1:
        block.refuse(0, f"names a column {quoted(name)} {times:,} times", "each column has its own name")


class _Table:
    """Separates the rows of blocks into features and labels."""

    def __init__(self, header: _Header, writer: FeatureWriter, encoder: LabelEncoder) -> None:
        self.header, self.writer, self.encoder = header, writer, encoder

    def append(self, block: LineBlock) -> None:
        """Add the rows of a block. Raises MalformedFile with line and column."""
        rows = self._rows(block)
        places = [index for index, row in enumerate(rows) if row]
        rows = [rows[index] for index in places]
        labels = [row.pop(self.header.place).strip() for row in rows]
        text = "".join(chain.from_iterable(rows))
        if "_" in text or not text.isascii():
            # float() accepts more than decimal numbers: 1_000, and the digits of other scripts.
            self._refuse(block)
        try:
            self.encoder.append(labels)
            values = map(float, chain.from_iterable(rows))
            self.writer.append(np.fromiter(values, np.float64, len(rows) * self.header.features))
        except InvalidLabel as bad:
            block.refuse(places[bad.position], bad.wrong, bad.right, self.header.label)
        except MalformedFile:
            raise
        except ValueError:
            self._refuse(block)

    def _rows(self, block: LineBlock) -> list[list[str]]:
        try:
            rows = list(csv.reader(block.lines, strict=True, skipinitialspace=True))
        except csv.Error:
            self._refuse(block)
        columns = len(self.header.columns)
        if len(rows) != len(block.lines) or any(len(row) not in (0, columns) for row in rows):
            self._refuse(block)
        return rows

    def _refuse(self, block: LineBlock) -> NoReturn:
        self._check(block)
        raise AssertionError("a block was refused, but each of its lines is valid")

    def _check(self, block: LineBlock) -> None:
        """Check the lines one by one, up to the first that is wrong."""
        for index in range(len(block.lines)):
            fields = _fields(block, index)
            if len(fields) not in (0, len(self.header.columns)):
                right = f"the first line names {len(self.header.columns):,}"
                block.refuse(index, f"has {len(fields):,} fields", right)
            for place, text in enumerate(fields):
                if place != self.header.place:
                    _require_number(block, index, self.header.columns[place], text)


def _fields(block: LineBlock, index: int) -> list[str]:
    """The fields of one line; an empty line has none."""
    try:
        return next(csv.reader([block.lines[index]], strict=True, skipinitialspace=True), [])
    except csv.Error:
        right = "a quote opens and closes a field on one line, and is doubled within"
        block.refuse(index, "cannot be parsed", right)


def _require_number(block: LineBlock, index: int, column: str, text: str) -> None:
    if not text.strip():
        block.refuse(index, "is missing", "fill it in, or leave the row out", column)
    if not NUMBER.fullmatch(text):
        block.refuse(index, f"is {quoted(text)}", "a feature is a finite decimal number", column)
    if abs(float(text)) > LARGEST:
        block.refuse(index, f"is {quoted(text)}", f"a feature is at most {LARGEST:.2g}", column)
