"""The first line of a text table: names of the columns, or already a row of data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workers.data.errors import MalformedFile
from workers.data.tables.cells import CellRules
from workers.data.tables.dialect import DELIMITERS, Dialect
from workers.data.tables.label_choice import USUAL_NAMES
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.schema import HEADER, Doubt
from workers.data.tables.table_reader import SourceColumn

SHOWN = 6


@dataclass(frozen=True)
class TableHeader:
    """The columns of a text table. is_there: whether the first line names them."""

    is_there: bool
    columns: tuple[SourceColumn, ...]
    doubts: tuple[Doubt, ...] = ()


def read_header(dialect: Dialect, options: TableOptions, file: str) -> TableHeader:
    """The columns, from the first line if it names them. Raises MalformedFile."""
    where, first = f"{file}, line 1", list(dialect.rows[0]) if dialect.rows else []
    if not any(first):
        raise MalformedFile(where, "is empty", "the first line names the columns")
    width = max(dialect.width, 1) if len(dialect.rows) > 1 else len(first)
    if max(width, len(first)) == 1:
        other = (
            ""
            if dialect.delimiter == ","
            else f", not with {DELIMITERS.get(dialect.delimiter, 'another mark')}"
        )
        right = f"a label and a feature are needed, separated with a comma{other}"
        raise MalformedFile(where, "has one column", right)
    is_data = _looks_like_data(dialect, options)
    if options.header is False or (options.header is None and is_data):
        names = [SourceColumn(f"column_{number}") for number in range(1, len(first) + 1)]
        _require_width(where, first, width, len(dialect.rows))
        return TableHeader(False, tuple(names), () if options.header is False else (_doubt(first),))
    return TableHeader(True, _named(where, first, dialect, width))


def _looks_like_data(dialect: Dialect, options: TableOptions) -> bool:
    """Whether all names are numbers, or the label's name is one of the classes."""
    first, rules = dialect.rows[0], CellRules(options.markers, dialect.decimal)
    if all(rules.number(name) is not None for name in first):
        return True
    usual = [place for place, name in enumerate(first) if name.casefold() in USUAL_NAMES]
    label = first.index(options.label) if options.label in first else (usual or [len(first) - 1])[0]
    name = first[label]
    return bool(name) and any(len(row) > label and row[label] == name for row in dialect.rows[1:])


def _named(where: str, names: list[str], dialect: Dialect, width: int) -> tuple[SourceColumn, ...]:
    """The columns that a first line names. Row names may come before it, and an empty field after each row."""
    if width == len(names) + 1 and len(dialect.rows) > 1:
        rows = [row for row in dialect.rows[1:] if len(row) == width]
        names = [*names, ""] if not any(row[-1] for row in rows) else ["", *names]
    _require_width(where, names, width, len(dialect.rows))
    times = Counter(name for name in names if name)
    name, most = max(times.items(), key=lambda item: item[1])
    if most > 1:
        right = "each column has its own name; if the line is a row, say header=false"
        raise MalformedFile(where, f"names a column {quoted(name)} {most:,} times", right)
    return tuple(_column(place, name, names) for place, name in enumerate(names))


def _column(place: int, name: str, names: Sequence[str]) -> SourceColumn:
    """A column; the first one without a name holds row names."""
    if name and name != "Unnamed: 0":
        return SourceColumn(name)
    free = f"column_{place + 1}"
    while free in names:
        free += "_"
    return SourceColumn(name or free, holds_row_names=place == 0)


def _require_width(where: str, first: Sequence[str], width: int, rows: int) -> None:
    """Raise MalformedFile if the first line has another number of fields than those below, which agree."""
    if rows > 2 and len(first) != width:
        right = "remove a title or a count of rows, and say header=true or header=false"
        raise MalformedFile(where, f"has {len(first):,} fields, and the lines below have {width:,}", right)


def _doubt(first: Sequence[str]) -> Doubt:
    shown = ", ".join(map(quoted, first[:SHOWN])) + (", ..." if len(first) > SHOWN else "")
    text = f"Line 1 looks like a row, not like the names of columns: {shown}."
    return Doubt("header", None, text, HEADER)
