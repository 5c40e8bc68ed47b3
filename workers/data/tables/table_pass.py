"""Passes over a table: its first cells say how to read each column; one that turns out otherwise is read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workers.data.tables.cells import CellRules, day_number
from workers.data.tables.column_builders import (
    MOST_LEVELS,
    DateBuilder,
    NumberBuilder,
    ReadKind,
    TextBuilder,
    are_numbers,
    as_text,
    is_text,
)
from workers.data.tables.spool import Spool
from workers.data.tables.table_reader import ReadAgain, TableReader

Builder = NumberBuilder | DateBuilder | TextBuilder

SAMPLED_CELLS, EXAMINED_CELLS = 1000, 50
MOST_OFFENDING = 0.5
"""The share of cells that are no numbers, or no dates, from which a column of these is one of texts."""


@dataclass(frozen=True)
class ReadTable:
    """All columns of a table: a builder for each, with what it has counted, and their numbers in a spool."""

    builders: Sequence[Builder]
    spool: Spool


class TablePass:
    """Reads a table column by column."""

    def __init__(self, reader: TableReader, rules: CellRules, folder: Path, most_classes: int) -> None:
        self.reader, self.rules, self.folder, self.most_classes = reader, rules, folder, most_classes

    def read(self, kinds: Mapping[int, ReadKind], label: int) -> ReadTable:
        """Read the table, a second time if a column has to be read as texts after all. Raises MalformedFile.

        kinds: how some columns, by position, have to be read; that of the label is one of them.
        """
        try:
            table = self._pass(kinds, label)
        except ReadAgain:
            table = self._pass(kinds, label)
        wrong = [j for j, builder in enumerate(table.builders) if j not in kinds and _is_wrong(builder)]
        if not wrong:
            return table
        found = {j: builder.read_as for j, builder in enumerate(table.builders)}
        return self._pass({**found, **dict.fromkeys(wrong, "text")}, label)

    def _pass(self, kinds: Mapping[int, ReadKind], label: int) -> ReadTable:
        """Read all rows once. The first batch shows the kinds of the columns that are not in `kinds`."""
        columns, builders = len(self.reader.columns), list[Builder]()
        with Spool(self.folder / "spool", self.reader.file, columns, self.reader.file_bytes) as spool:
            for batch in self.reader.batches():
                if not builders:
                    builders = [self._builder(j, array, kinds, label) for j, array in enumerate(batch)]
                values = np.empty((columns, len(batch[0])))
                for builder, array, out in zip(builders, batch, values, strict=True):
                    out[:] = builder.append(array)
                spool.append(values)
        return ReadTable(builders or [TextBuilder(self.rules) for _ in range(columns)], spool)

    def _builder(self, column: int, array: Any, kinds: Mapping[int, ReadKind], label: int) -> Builder:
        rules = self.rules if is_text(array.type) else CellRules(frozenset())
        kind = kinds.get(column) or guessed_kind(array, rules)
        if kind == "number":
            return NumberBuilder(rules)
        if kind == "date":
            return DateBuilder(rules)
        declared = self.reader.columns[column].declared
        levels = (declared and declared.levels) or ()
        return TextBuilder(rules, self.most_classes if column == label else MOST_LEVELS, levels)


def guessed_kind(array: Any, rules: CellRules) -> ReadKind:
    """How a column is to be read by its type, or by its first cells if they are texts."""
    if not is_text(array.type):
        if pa.types.is_dictionary(array.type) or pa.types.is_boolean(array.type):
            return "text"
        return "date" if pa.types.is_temporal(array.type) else "number"
    cells = as_text(array.slice(0, SAMPLED_CELLS))
    if rules.decimal == "." and are_numbers(cells):
        return "number"
    texts = [text for text in cells.to_pylist() if text and not rules.is_missing(text)][:EXAMINED_CELLS]
    if sum(rules.number(text) is not None for text in texts) >= (1 - MOST_OFFENDING) * len(texts):
        return "number"
    dates = sum(day_number(text) is not None for text in texts)
    return "date" if dates >= (1 - MOST_OFFENDING) * len(texts) else "text"


def _is_wrong(builder: Builder) -> bool:
    """Whether a column was read as numbers or dates, but is one of texts."""
    return builder.offending > MOST_OFFENDING * (builder.rows - builder.missing)
