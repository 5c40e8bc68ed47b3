"""What each column is, once all its cells are read: its schema, its levels, and the doubts about its cells."""

import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from workers.data.columns import Column, Kind
from workers.data.errors import MalformedFile
from workers.data.tables.cells import LARGEST, CellRules, boolean_levels
from workers.data.tables.column_builders import (
    LONGEST_LEVEL,
    MOST_LEVELS,
    DateBuilder,
    MeasureBuilder,
    TextBuilder,
)
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import ColumnKind, TableOptions
from workers.data.tables.schema import Answer, ColumnSchema, Doubt, most_frequent
from workers.data.tables.spool import Values
from workers.data.tables.table_reader import TableReader

FEWEST_ROWS = 20
"""With fewer rows it is no surprise that all texts of a column are different."""


Builder = MeasureBuilder | TextBuilder


@dataclass(frozen=True)
class TakenColumn:
    """A column as it is taken. feature: None if it is left out. codes: the code of each level that was read."""

    schema: ColumnSchema
    feature: Column | None = None
    codes: Values | None = None
    doubts: tuple[Doubt, ...] = ()


def taken_column(reader: TableReader, position: int, builder: Builder, options: TableOptions) -> TakenColumn:
    """A column that is not the label. Raises MalformedFile."""
    name = reader.columns[position].name
    if options.kinds.get(name) == "ignore" or name in options.drop:
        return TakenColumn(schema_of(name, builder, "ignore"))
    if reader.columns[position].holds_row_names and name not in options.kinds:
        return _left_out(name, builder, "row_names", "has no name, as row names have none")
    if builder.missing == builder.rows:
        return _left_out(name, builder, "empty_column", "has no values")
    if isinstance(builder, TextBuilder):
        return _taken_texts(reader, position, builder, options)
    kind: Kind = "date" if isinstance(builder, DateBuilder) else "number"
    doubts = filter(None, [offending_doubt(reader, position, builder)])
    return TakenColumn(schema_of(name, builder, kind), Column(name, kind), doubts=tuple(doubts))


def schema_of(name: str, builder: Builder, kind: ColumnKind) -> ColumnSchema:
    """The schema of a column that is taken as `kind`."""
    missing = builder.missing / builder.rows if builder.rows else 0.0
    if isinstance(builder, TextBuilder):
        pairs = [(text, int(builder.counts[code])) for text, code in builder.levels.items()]
        return ColumnSchema(name, kind, missing, sum(rows > 0 for _, rows in pairs), top=most_frequent(pairs))
    low, high = (builder.low, builder.high) if builder.distinct else (None, None)
    return ColumnSchema(name, kind, missing, len(builder.distinct), low, high)


def offending_doubt(reader: TableReader, position: int, builder: Builder) -> Doubt | None:
    """Ask about the cells that are not of their column's kind."""
    if builder.first_offender is None:
        return None
    name = reader.columns[position].name
    first = next(iter(builder.offenders))
    if isinstance(builder, DateBuilder):
        kind, right = "date", "a date is a day of the calendar, such as 2026-05-31 or 31.05.2026"
    else:
        kind, right = "number", "a feature is a finite decimal number"
        if _is_large(first):
            right = f"a feature is at most {LARGEST:.2g}"
    verb = f"is no {kind}" if builder.offending == 1 else f"are no {kind}s"
    text = (
        f"{reader.place(builder.first_offender, position)} is {quoted(first)}; {right}. "
        f"{builder.offending:,} of {builder.rows - builder.missing:,} cells of this column {verb}."
    )
    choices = (
        Answer("accept", "mixed_column", "take such cells as missing"),
        as_texts(name, "take the column as texts"),
    )
    return Doubt("mixed_column", name, text, choices)


def as_texts(name: str, meaning: str) -> Answer:
    """The choice that a column holds texts."""
    return Answer("kinds", json.dumps({name: "category"}, ensure_ascii=False), meaning)


def _taken_texts(
    reader: TableReader, position: int, builder: TextBuilder, options: TableOptions
) -> TakenColumn:
    """A column of texts: a boolean or a category, or left out if its texts cannot be told apart in training."""
    name, declared = reader.columns[position].name, reader.columns[position].declared
    wanted = options.kinds.get(name) or (declared.kind if declared else None)
    present = [text for text, code in builder.levels.items() if builder.counts[code]]
    if builder.has_too_many:
        what = (
            f"has more than {MOST_LEVELS:,} different texts, or one of more than {LONGEST_LEVEL} characters"
        )
        if wanted == "category":
            raise MalformedFile(
                f"{reader.file}, column {quoted(name)}", what, "it cannot be a category: drop it"
            )
        return _left_out(name, builder, "free_text", what)
    if wanted is None and FEWEST_ROWS <= len(present) == builder.rows - builder.missing:
        return _left_out(name, builder, "identifier", "has another text in each row, as an identifier has")
    if declared and declared.levels:
        levels = tuple(builder.levels)
        return TakenColumn(schema_of(name, builder, declared.kind), Column(name, declared.kind, levels))
    kind, levels, codes = _levels(f"{reader.file}, column {quoted(name)}", present, wanted)
    order = np.array([codes.get(text, 0) for text in builder.levels], np.float64)
    return TakenColumn(schema_of(name, builder, kind), Column(name, kind, levels), order)


def _levels(
    where: str, present: Collection[str], wanted: str | None
) -> tuple[Kind, tuple[str, ...], dict[str, int]]:
    """The kind of a column of texts, its levels in the order of their codes, and the code of each text."""
    pair = boolean_levels(present)
    if wanted == "boolean" and pair is None:
        if len(present) > 2:
            wrong = f"has {len(present):,} different texts"
            raise MalformedFile(where, wrong, "a boolean has two: take it as a category")
        first, *rest = sorted(present)
        pair = first, (rest or [f"not {first}"])[0]
    if pair is None or wanted == "category":
        levels = tuple(sorted(present))
        return "category", levels, {text: code for code, text in enumerate(levels)}
    lower = [text.casefold() for text in pair]
    return "boolean", pair, {text: lower.index(text.casefold()) for text in present}


def _left_out(name: str, builder: Builder, code: str, what: str) -> TakenColumn:
    """A column that cannot be a feature as it is; the warning says so."""
    text = f"Column {quoted(name)} {what}: it is left out."
    choices = (as_texts(name, "take it all the same"),) if code in ("identifier", "row_names") else ()
    return TakenColumn(
        schema_of(name, builder, "ignore"), doubts=(Doubt(code, name, text, choices, blocking=False),)
    )


def _is_large(text: str) -> bool:
    number = CellRules().number(text)
    return number is not None and abs(number) > LARGEST
