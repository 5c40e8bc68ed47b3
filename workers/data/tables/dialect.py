"""The dialect of a text table: its delimiter and its decimal mark, from its first lines."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.schema import Answer, Doubt

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "spaces"}
WORDS = {"tab": "\t", "space": " "}
"""How a form spells delimiters that are hard to type."""
SAMPLED_LINES = 100
DECIMALS = (
    Answer("decimal", ",", "take the comma as the decimal mark"),
    Answer("decimal", ".", "take it as none"),
)

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+", re.ASCII)
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written. rows: the fields of its first lines, with the header if there is one."""

    delimiter: str
    decimal: str
    rows: Sequence[Sequence[str]]
    doubts: tuple[Doubt, ...] = ()

    @property
    def width(self) -> int:
        """The number of fields of the lines below the first, if all agree; else that of the first."""
        width, share = _width(self.rows)
        return width if share == 1 else len(self.rows[0])


def recognise(lines: Sequence[str], options: TableOptions) -> Dialect:
    """The dialect of a table with these first lines; the fields of a form have the last word."""
    sample = [line for line in lines if line.strip()][: SAMPLED_LINES + 1]
    given = options.delimiter and WORDS.get(options.delimiter, options.delimiter)
    delimiter, doubt = (given, None) if given else _delimiter(sample)
    rows = list(_fields(sample, delimiter))
    if options.decimal:
        return Dialect(delimiter, options.decimal, rows, tuple(filter(None, [doubt])))
    decimal, other = _decimal(rows)
    return Dialect(delimiter, decimal, rows, tuple(filter(None, [doubt, other])))


def split_spaces(line: str) -> str:
    """A line whose fields have spaces between them, with one tab instead of each run of spaces."""
    return re.sub(r"[ \t]+", "\t", line.strip(" \t"))


def _fields(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """The fields of each line; a line that is no row of this dialect is one field."""
    for line in lines:
        whole = split_spaces(line) if delimiter == " " and '"' not in line else line.rstrip("\r")
        try:
            mark = "\t" if delimiter == " " and '"' not in line else delimiter
            yield [
                text.strip()
                for text in next(csv.reader([whole], delimiter=mark, strict=True, skipinitialspace=True), [])
            ]
        except csv.Error:
            yield [line]


def _width(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """The most frequent number of fields below the first line, and the share of lines that have it."""
    widths = Counter(map(len, rows[1:] or rows))
    width, times = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return width, times / max(1, widths.total())


def _delimiter(sample: Sequence[str]) -> tuple[str, Doubt | None]:
    """The delimiter with which most lines have the same number of fields, two or more."""
    fits: dict[str, tuple[float, bool]] = {}
    for delimiter in DELIMITERS:
        rows = list(_fields(sample, delimiter))
        width, share = _width(rows)
        if width > 1 and (delimiter != " " or not fits):
            fits[delimiter] = (share, len(rows[0]) == width)
    if not fits:
        return ",", None
    best = [delimiter for delimiter, fit in fits.items() if fit == max(fits.values())]
    if best == [","] or "," not in best:
        return best[0], None
    if len(best) == 1:
        return ",", None
    return best[1], _delimiter_doubt(best)


def _delimiter_doubt(best: Sequence[str]) -> Doubt:
    marks = " or ".join(DELIMITERS[mark] for mark in best)
    answers = {mark: word for word, mark in WORDS.items()}
    text = f"All of the first lines have the same number of fields with {marks} between them."
    choices = [
        Answer("delimiter", answers.get(mark, mark), f"take {DELIMITERS[mark]} as the delimiter")
        for mark in best
    ]
    return Doubt("delimiter", None, text, tuple(choices))


def _decimal(rows: Sequence[Sequence[str]]) -> tuple[str, Doubt | None]:
    """The decimal mark: a comma if fields such as 1,5 occur and none such as 1.5."""
    fields = [field for row in rows for field in row]
    commas = [field for field in fields if _DECIMAL_COMMA.fullmatch(field)]
    if not commas or any(_DECIMAL_POINT.fullmatch(field) for field in fields):
        return ".", None
    if not all(_THOUSANDS.fullmatch(field) for field in commas):
        return ",", None
    text = f"{quoted(commas[0])} may be a number with a decimal comma, or the comma may separate thousands."
    return ",", Doubt("decimal", None, text, DECIMALS)
