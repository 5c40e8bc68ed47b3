"""Reads JSON lines: an object in each line, whose keys are the columns."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.tables.line_blocks import LineBlock, quoted, read_blocks
from workers.data.tables.spool import require_cells
from workers.data.tables.table_reader import Batch, SourceColumn, TableReader

MOST_COLUMNS = 2**18 + 1
BATCH_CELLS = 2**22
RIGHT = 'each line is an object such as {"age": 37, "country": "PT"}'


class JsonLinesReader(TableReader):
    """The objects of a file. A key that an object lacks is a missing cell; a column is of the same kind in all.

    Cells become texts, which the rules for cells type: so 1 and "1" are equal, as in every other format.
    """

    def __init__(self, path: Path, file: str) -> None:
        self.file, self._path, self.file_bytes = file, path, path.stat().st_size
        names: dict[str, None] = {}
        rows = 0
        for block in self._blocks():
            for index, line in enumerate(block.lines):
                if line.strip():
                    names.update(dict.fromkeys(self._object(block, index)))
                    rows += 1
            self._require_counts(rows, len(names))
        if len(names) < 2:
            raise MalformedFile(
                file, f"has {len(names)} columns", f"a label and a feature are needed; {RIGHT}"
            )
        self._names = list(names)
        self.columns = tuple(map(SourceColumn, self._names))

    def batches(self) -> Iterator[Batch]:
        for block in self._blocks():
            rows = [self._object(block, index) for index, line in enumerate(block.lines) if line.strip()]
            step = max(1, BATCH_CELLS // len(self._names))
            for start in range(0, len(rows), step):
                yield [
                    pa.array([row.get(name) for row in rows[start : start + step]], pa.string())
                    for name in self._names
                ]

    def place(self, row: int, column: int) -> str:
        name = quoted(self._names[column])
        for block in self._blocks():
            filled = [index for index, line in enumerate(block.lines) if line.strip()]
            if row < len(filled):
                return f"{self.file}, line {block.number + filled[row]:,}, column {name}"
            row -= len(filled)
        return super().place(row, column)

    def _blocks(self) -> Iterator[LineBlock]:
        with self._path.open("rb") as stream:
            yield from read_blocks(stream, self.file)

    def _require_counts(self, rows: int, columns: int) -> None:
        if columns > MOST_COLUMNS:
            raise FileTooLarge(self.file, f"has {columns:,} columns", f"at most {MOST_COLUMNS:,} are read")
        require_cells(self.file, rows, columns, self.file_bytes)

    def _object(self, block: LineBlock, index: int) -> dict[str, str | None]:
        """The cells of one line, as texts. Raises MalformedFile."""
        try:
            pairs = json.loads(
                block.lines[index],
                object_pairs_hook=_Pairs,
                parse_int=str,
                parse_float=str,
                parse_constant=str,
            )
        except RecursionError:
            block.refuse(index, "is nested too deep", RIGHT)
        except ValueError as error:
            where = f"at character {error.pos + 1:,}" if isinstance(error, json.JSONDecodeError) else ""
            block.refuse(index, f"is not JSON {where}".rstrip(), RIGHT)
        if not isinstance(pairs, _Pairs):
            right = f"{RIGHT}; of a list of objects, write one in each line (pandas: orient='records', lines=True)"
            block.refuse(index, "is not an object", right)
        cells: dict[str, str | None] = {}
        for name, value in pairs:
            if name in cells:
                block.refuse(index, f"has the key {quoted(name)} more than once", "each key comes once")
            cells[name] = self._text(block, index, name, value)
        return cells

    def _text(self, block: LineBlock, index: int, name: str, value: Any) -> str | None:
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None or isinstance(value, str):
            return self._printable(block, index, name, value)
        return _refuse_nested(block, index, name, value)

    def _printable(self, block: LineBlock, index: int, name: str, value: str | None) -> str | None:
        if value is not None and not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            block.refuse(index, "has half a surrogate pair", "a text is Unicode", name)
        return value


class _Pairs(list[Any]):
    """The pairs of an object, so that a key that comes twice is seen."""


def _refuse_nested(block: LineBlock, index: int, name: str, value: Any) -> NoReturn:
    kind = "an object" if isinstance(value, _Pairs) else "a list"
    right = "write its values under keys of their own (pandas: json_normalize), or leave it out"
    block.refuse(index, f"holds {kind}", right, name)
