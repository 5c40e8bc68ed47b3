"""Reads SVMlight files: a label, then `position:value` pairs in ascending order, in each line; the rest is 0."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.tables.cells import NUMBER
from workers.data.tables.line_blocks import LineBlock, quoted, read_blocks
from workers.data.tables.spool import require_cells
from workers.data.tables.table_reader import Batch, SourceColumn, TableReader

PAIR = re.compile(rf"(\d{{1,9}}):({NUMBER})", re.ASCII)
LABEL = re.compile(NUMBER, re.ASCII)
MOST_COLUMNS = 2**18
BATCH_CELLS = 2**22
RIGHT = "a row is a number and pairs such as 3:0.5"


class SvmlightReader(TableReader):
    """The rows of a file. Positions count from 0 if one of them is 0, else from 1, as the format says.

    The label is the last column, named `label`. `qid:` pairs are left out, as are comments after #.
    """

    is_label_certain = True

    def __init__(self, path: Path, file: str) -> None:
        self.file, self._path, self.file_bytes = file, path, path.stat().st_size
        highest, lowest, rows = -1, MOST_COLUMNS, 0
        for block in self._blocks():
            for index, line in enumerate(block.lines):
                if words := _words(line):
                    places, _ = self._pairs(block, index, words)
                    rows += 1
                    if places:
                        lowest, highest = min(lowest, places[0]), max(highest, places[-1])
                        self._require_size(rows, highest)
        if highest < 0:
            raise MalformedFile(file, "has no features", RIGHT)
        self._first = 0 if lowest == 0 else 1
        self._count = highest - self._first + 1
        names = [f"feature_{place + self._first}" for place in range(self._count)]
        self.columns = (*map(SourceColumn, names), SourceColumn("label"))

    def batches(self) -> Iterator[Batch]:
        step = max(1, BATCH_CELLS // self._count)
        for block in self._blocks():
            filled = [index for index, line in enumerate(block.lines) if _words(line)]
            for start in range(0, len(filled), step):
                yield self._batch(block, filled[start : start + step])

    def _batch(self, block: LineBlock, rows: list[int]) -> Batch:
        values, labels = np.zeros((self._count, len(rows))), []
        for row, index in enumerate(rows):
            words = _words(block.lines[index])
            places, numbers = self._pairs(block, index, words)
            values[np.array(places, np.int64) - self._first, row] = numbers
            labels.append(_label(words[0]))
        return [*map(pa.array, values), pa.array(labels, pa.string())]

    def _blocks(self) -> Iterator[LineBlock]:
        with self._path.open("rb") as stream:
            yield from read_blocks(stream, self.file)

    def _require_size(self, rows: int, highest: int) -> None:
        if highest > MOST_COLUMNS:
            raise FileTooLarge(self.file, f"has {highest:,} features", f"at most {MOST_COLUMNS:,} are read")
        require_cells(self.file, rows, highest, self.file_bytes)

    def _pairs(self, block: LineBlock, index: int, words: list[str]) -> tuple[list[int], list[float]]:
        """The positions and values of a line. Raises MalformedFile."""
        places, values, before = list[int](), list[float](), -1
        if not LABEL.fullmatch(words[0]):
            block.refuse(index, f"begins with {quoted(words[0])}", RIGHT)
        for word in words[1:]:
            if word.startswith("qid:"):
                continue
            found = PAIR.fullmatch(word)
            if found is None:
                block.refuse(index, f"has {quoted(word)}", RIGHT)
            place = int(found[1])
            if place <= before:
                what = "more than once" if place == before else f"after {before:,}"
                block.refuse(index, f"has the position {place:,} {what}", "positions ascend, each comes once")
            places.append(place)
            values.append(float(found[2]))
            before = place
        return places, values


def is_row(line: str) -> bool:
    """Whether a line looks like a row: a number, then pairs."""
    words = _words(line)
    return bool(words and LABEL.fullmatch(words[0])) and all(
        word.startswith("qid:") or PAIR.fullmatch(word) for word in words[1:]
    )


def _words(line: str) -> list[str]:
    return line.partition("#")[0].split()


def _label(text: str) -> str:
    """A label as a class: +1 and 1.0 are 1."""
    number = float(text)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text.removeprefix("+")
