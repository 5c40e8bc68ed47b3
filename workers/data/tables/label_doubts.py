"""Doubts about the label: rows without one, classes that are probably one, too many classes, and measurements."""

from collections.abc import Iterator

from workers.data.tables.cells import CellRules
from workers.data.tables.class_names import spellings
from workers.data.tables.column_builders import TextBuilder
from workers.data.tables.label import LabelColumn
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import listing
from workers.data.tables.schema import HEADER, Answer, Doubt

FEW_CLASSES = 10
"""Numbers with fractions that take at most so many values may name classes."""
MANY_CLASSES = 30
"""Whole numbers that take at most so many values name classes, however few rows there are."""
ROWS_PER_CLASS = 50
CLASSES_PER_ROW = 0.5
SPELLINGS = (
    Answer("spellings", "merge", "make one class of each group, under its most frequent name"),
    Answer("spellings", "keep", "keep them apart"),
)
TASKS = (
    Answer("task", "regression", "predict the number"),
    Answer("task", "classification", "take each number as the name of a class"),
)


def label_doubts(column: LabelColumn) -> Iterator[Doubt]:
    """All doubts about a label."""
    builder = column.builder
    if builder.missing:
        yield _missing(column)
    if isinstance(builder, TextBuilder):
        yield from _header(column, builder)
        yield from _spellings(column, builder)
        if column.options.task is None and is_measurement(builder):
            yield _measurement(column, builder)
        elif _has_a_class_for_each_row(builder):
            yield _many_classes(column, builder)


def is_measurement(builder: TextBuilder) -> bool:
    """Whether the texts of a label are numbers that measure something, rather than name classes."""
    rules, levels = CellRules(decimal=builder.rules.decimal), builder.levels
    numbers = [rules.number(text) for text in levels]
    if not numbers or any(number is None for number in numbers):
        return False
    if builder.has_too_many:
        return True
    has_fractions = any(number is not None and not number.is_integer() for number in numbers)
    if has_fractions:
        return len(levels) > FEW_CLASSES
    return len(levels) > MANY_CLASSES and builder.rows < ROWS_PER_CLASS * len(levels)


def _header(column: LabelColumn, builder: TextBuilder) -> Iterator[Doubt]:
    """The name of the label is one of the classes: then the first line is probably a row."""
    if column.reader.header and column.options.header is None and column.name in builder.levels:
        text = f"The first line calls the label {quoted(column.name)}, which is one of the classes too: is it a row?"
        yield Doubt("header", None, text, HEADER)


def _missing(column: LabelColumn) -> Doubt:
    builder = column.builder
    markers = builder.markers if isinstance(builder, TextBuilder) else {}
    found = ", ".join(f"{quoted(text)} {count:,} times" for text, count in markers.items())
    rows, what = ("1 row has", "it") if builder.missing == 1 else (f"{builder.missing:,} rows have", "them")
    text = f"{rows} no label in column {quoted(column.name)}{f' ({found})' if found else ''}."
    choices = [Answer("accept", "missing_labels", f"leave {what} out")]
    if markers:
        others = builder.rules.markers - {"", *map(str.casefold, markers)}
        names = "names of classes" if len(markers) > 1 else "the name of a class"
        meaning = f"take {' and '.join(map(quoted, markers))} as {names}"
        choices.append(Answer("missing", listing(sorted(others)), meaning))
    return Doubt("missing_labels", column.name, text, tuple(choices))


def _spellings(column: LabelColumn, builder: TextBuilder) -> Iterator[Doubt]:
    groups = spellings(builder.levels)
    if not groups or column.options.spellings:
        return
    shown = "; ".join(" and ".join(map(quoted, group)) for group in groups[:5])
    text = f"Column {quoted(column.name)} has classes that differ in spelling alone: {shown}."
    yield Doubt("spellings", column.name, text, SPELLINGS)


def _measurement(column: LabelColumn, builder: TextBuilder) -> Doubt:
    more = "or more " if builder.has_too_many else ""
    count = f"{len(builder.levels):,} {more}different numbers"
    text = f"Column {quoted(column.name)} has {count} in {builder.rows:,} rows."
    return Doubt("numeric_label", column.name, text, TASKS)


def _has_a_class_for_each_row(builder: TextBuilder) -> bool:
    filled = builder.rows - builder.missing
    return len(builder.levels) > max(FEW_CLASSES, CLASSES_PER_ROW * filled)


def _many_classes(column: LabelColumn, builder: TextBuilder) -> Doubt:
    text = (
        f"Column {quoted(column.name)} has {len(builder.levels):,} classes in {builder.rows:,} rows. Is another "
        "column to be predicted? Name it as the label."
    )
    return Doubt(
        "many_classes", column.name, text, (Answer("accept", "many_classes", "go on with this column"),)
    )
