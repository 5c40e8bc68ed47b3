"""Reads ARFF and KEEL files: the header declares the columns, and each line after `@data` is a row.

Cells are typed by the rules for cells; what the header declares is their kind. An `integer` with a fraction keeps it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from workers.data.errors import MalformedFile
from workers.data.tables.declared_header import Attribute, attribute_of, require_distinct
from workers.data.tables.line_blocks import LineBlock, quoted, read_blocks
from workers.data.tables.quoted_fields import Unreadable, fields_of, unquoted
from workers.data.tables.table_reader import Batch, SourceColumn, TableReader

SPARSE_VALUE = re.compile(r"""\s*(\d{1,7})\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,'"\s]+)\s*(,|$)""")
MOST_CELLS = 2**23
"""Of the rows of one block, once sparse ones are written out."""
KNOWN = ("@relation", "@inputs", "@input", "@outputs", "@output")


class DeclaredReader(TableReader):
    """The table in an ARFF or KEEL file. Raises MalformedFile with the line."""

    def __init__(self, path: Path, file: str) -> None:
        self.file, self._path, self.file_bytes = file, path, path.stat().st_size
        self._attributes: list[Attribute] = []
        self._outputs: list[str] = []
        self._read_header()
        if len(self._attributes) < 2:
            raise MalformedFile(
                file, f"declares {len(self._attributes)} columns", "a label and a feature are needed"
            )
        names = [each.name for each in self._attributes]
        self.columns = tuple(SourceColumn(each.name, each.column) for each in self._attributes)
        self.is_label_certain = len(self._outputs) == 1
        if self.is_label_certain:
            [output] = self._outputs
            if output not in names:
                right = f"its columns are {', '.join(map(quoted, names[:10]))}"
                raise MalformedFile(file, f"has no column {quoted(output)} for @outputs", right)
            self.default_label = names.index(output)
        self._levels = [frozenset(each.levels) for each in self._attributes]

    def batches(self) -> Iterator[Batch]:
        for block, first in self._data():
            rows = [
                self._row(block, index)
                for index in range(first, len(block.lines))
                if _has_content(block.lines[index])
            ]
            cells: Any = zip(*rows, strict=True) if rows else [[] for _ in self.columns]
            yield [pa.array(column, pa.string()) for column in cells]

    def place(self, row: int, column: int) -> str:
        for block, first in self._data():
            filled = [n for n in range(first, len(block.lines)) if _has_content(block.lines[n])]
            if row < len(filled):
                where = f"{self.file}, line {block.number + filled[row]:,}"
                return f"{where}, column {quoted(self.columns[column].name)}"
            row -= len(filled)
        return super().place(row, column)

    def _read_header(self) -> None:
        names: set[str] = set()
        for block in self._blocks():
            for index, line in enumerate(block.lines):
                word = line.split(maxsplit=1)[0].casefold() if line.strip() else ""
                if word == "@data":
                    return
                if word == "@attribute":
                    self._attributes.append(attribute_of(block, index))
                    require_distinct(block, index, self._attributes, names)
                elif word in ("@outputs", "@output"):
                    self._outputs = [unquoted(each) for each in re.split(r"[,\s]+", line.strip())[1:] if each]
                elif word not in KNOWN and _has_content(line):
                    right = "the header has @relation, @attribute and @data, each on a line of its own"
                    block.refuse(index, f"is {quoted(line)}, before @data", right)
        raise MalformedFile(self.file, "has no line @data", "the rows come after it")

    def _blocks(self) -> Iterator[LineBlock]:
        with self._path.open("rb") as stream:
            yield from read_blocks(stream, self.file)

    def _data(self) -> Iterator[tuple[LineBlock, int]]:
        """The blocks after the line @data, each with the place of its first row."""
        is_data = False
        for block in self._blocks():
            if is_data:
                yield block, 0
                continue
            for index, line in enumerate(block.lines):
                if line.strip().casefold() == "@data":
                    is_data = True
                    yield block, index + 1
                    break

    def _row(self, block: LineBlock, index: int) -> Sequence[str | None]:
        line = block.lines[index].strip()
        try:
            row = self._sparse(block, index, line) if line.startswith("{") else fields_of(line)
        except Unreadable as error:
            block.refuse(index, str(error), "a quote opens and closes a field on one line")
        if len(row) != len(self._attributes):
            right = f"the header declares {len(self._attributes):,}"
            block.refuse(index, f"has {len(row):,} fields", right)
        for attribute, levels, cell in zip(self._attributes, self._levels, row, strict=True):
            if levels and cell not in levels and cell not in ("?", "", "<null>"):
                right = "the header declares its levels: add this one there"
                block.refuse(index, f"is {quoted(str(cell))}", right, attribute.name)
        return [None if cell == "<null>" else cell for cell in row]

    def _sparse(self, block: LineBlock, index: int, line: str) -> list[str]:
        """A row of positions and values; every other cell is 0, which means the first level of a nominal column."""
        if not line.endswith("}"):
            raise Unreadable("opens a row that does not close")
        if len(block.lines) * len(self._attributes) > MOST_CELLS:
            block.refuse(index, "is sparse, in a table of too many columns", "write it as SVMlight")
        row = [each.levels[0] if each.levels else "0" for each in self._attributes]
        place, before, inner = 0, -1, line[1:-1]
        while place < len(inner.rstrip()):
            found = SPARSE_VALUE.match(inner, place)
            if found is None:
                raise Unreadable("has a sparse cell that is no position and value")
            position = int(found[1])
            if not before < position < len(row):
                right = f"positions ascend, from 0 to {len(row) - 1:,}"
                block.refuse(index, f"has the position {position:,} after {before:,}", right)
            row[position], before, place = unquoted(found[2]), position, found.end()
        return row


def _has_content(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("%")
