"""The column to predict: its classes, or its numbers, and the rows that have one."""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Labels, Targets
from workers.data.errors import MalformedFile
from workers.data.tables.class_names import MOST_CLASSES, ordered, spellings, wrong_with
from workers.data.tables.column_builders import MeasureBuilder, TextBuilder
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.spool import Values
from workers.data.tables.table_reader import TableReader
from workers.data.target_bins import InvalidTargets, bin_targets


@dataclass(frozen=True)
class LabelColumn:
    """The column of the label as it was read. values: (n,), codes of texts or numbers; NaN if missing."""

    reader: TableReader
    position: int
    builder: MeasureBuilder | TextBuilder
    values: Values
    options: TableOptions

    @property
    def name(self) -> str:
        return self.reader.columns[self.position].name

    def refuse(self, wrong: str, right: str, row: int | None = None) -> NoReturn:
        """Raise MalformedFile about the column, or about one of its cells."""
        column = f"{self.reader.file}, column {quoted(self.name)}"
        raise MalformedFile(column if row is None else self.reader.place(row, self.position), wrong, right)


@dataclass(frozen=True)
class Label:
    """The label of each row that has one. rows: which those are, (n,); None for all. targets: None for classes."""

    labels: Labels
    classes: tuple[str, ...]
    targets: Targets | None
    rows: NDArray[np.bool_] | None


def read_label(column: LabelColumn) -> Label:
    """The label of each row. Raises MalformedFile."""
    filled = ~np.isnan(column.values)
    rows, values = (None if filled.all() else filled), column.values[filled]
    if isinstance(column.builder, TextBuilder):
        _require_names(column, column.builder)
        labels, classes = _classes(column, column.builder, values)
        return Label(labels, classes, None, rows)
    try:
        return Label(*bin_targets(values), values, rows)
    except InvalidTargets:
        found = "has the same number in all rows" if len(values) else "has no numbers"
        column.refuse(found, "two different numbers are needed")


def _classes(column: LabelColumn, builder: TextBuilder, codes: Values) -> tuple[Labels, tuple[str, ...]]:
    names = _names(builder, merged=column.options.spellings == "merge")
    present = {names[text] for text, code in builder.levels.items() if builder.counts[code]}
    classes = tuple(ordered(present))
    if len(classes) < 2:
        found = f"has one class, {quoted(classes[0])}" if classes else "has no rows"
        column.refuse(found, "two classes are needed")
    place = {name: index for index, name in enumerate(classes)}
    labels = np.array([place.get(names[text], -1) for text in builder.levels], np.int64)
    return labels[codes.astype(np.int64)], classes


def _names(builder: TextBuilder, *, merged: bool) -> dict[str, str]:
    """The class of each text: itself, or the most frequent spelling of its group."""
    names = {text: text for text in builder.levels}
    for group in spellings(builder.levels) if merged else ():
        most = max(group, key=lambda text: (builder.counts[builder.levels[text]], -len(text), text))
        names |= dict.fromkeys(group, most)
    return names


def _require_names(column: LabelColumn, builder: TextBuilder) -> None:
    for text, code in builder.levels.items():
        if wrong := wrong_with(text):
            column.refuse(*wrong, row=int((column.values == code).argmax()))
    if builder.has_too_many:
        right = f"at most {MOST_CLASSES:,} classes are read; name another column with label="
        column.refuse(f"has {MOST_CLASSES + 1:,} different texts or more", right)
