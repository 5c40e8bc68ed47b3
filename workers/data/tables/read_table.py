"""Reads a table: from the columns of a reader to a data set and its schema, with every doubt at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workers.data.columns import Kind
from workers.data.dataset import Dataset
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.precision import PrecisionLost
from workers.data.tables.cells import CellRules
from workers.data.tables.class_names import MOST_CLASSES
from workers.data.tables.column_builders import ReadKind, TextBuilder
from workers.data.tables.column_schemas import TakenColumn, offending_doubt, schema_of, taken_column
from workers.data.tables.feature_store import FeatureStore
from workers.data.tables.label import Label, LabelColumn, read_label
from workers.data.tables.label_choice import choose_label
from workers.data.tables.label_doubts import is_measurement, label_doubts
from workers.data.tables.leaks import leak_doubts
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.schema import MOST_COLUMNS, Doubt, TableSchema
from workers.data.tables.table_pass import ReadTable, TablePass
from workers.data.tables.table_reader import TableReader

MOST_FEATURES = 2**18
MOST_NAMED = 3
"""Columns whose warnings a message repeats."""


class TableReading(NamedTuple):
    """What reading a table gives. dataset: None while a question of the schema is not answered."""

    dataset: Dataset | None
    schema: TableSchema


def read_table(reader: TableReader, options: TableOptions, folder: Path) -> TableReading:
    """Read a table as the options say. `folder`, whose name is the data set's, receives the files of its features.

    Raises MalformedFile.
    """
    position, label_doubt = choose_label(reader, options)
    column, table, about_label = _read_columns(reader, options, folder, position)
    columns = {
        place: taken_column(reader, place, each, options)
        for place, each in enumerate(table.builders)
        if place != position
    }
    doubts: list[Doubt | None] = [
        *reader.doubts,
        label_doubt,
        offending_doubt(reader, position, column.builder),
    ]
    doubts += about_label
    doubts += [doubt for each in columns.values() for doubt in each.doubts]
    label = read_label(column)
    doubts += leak_doubts(table.spool, _names(columns), label)
    schema = TableSchema(
        rows=len(label.labels),
        label=column.name,
        task="classification" if label.targets is None else "regression",
        columns=tuple(
            schema_of(column.name, column.builder, "label") if place == position else columns[place].schema
            for place in range(min(len(table.builders), MOST_COLUMNS))
        ),
        doubts=tuple(_open(doubts, options)),
        header=reader.header,
        delimiter=reader.delimiter,
        decimal=reader.decimal,
    )
    return TableReading(None if schema.questions else _dataset(reader, table, columns, label, folder), schema)


def _read_columns(
    reader: TableReader, options: TableOptions, folder: Path, label: int
) -> tuple[LabelColumn, ReadTable, list[Doubt]]:
    """All columns, and the doubts about the label. It is read as numbers if it has too many to be classes."""
    table_pass = TablePass(reader, CellRules(options.markers, reader.decimal or "."), folder, MOST_CLASSES)
    kinds = {**_read_kinds(reader, options), label: _label_kind(reader, label, options)}
    table = table_pass.read(kinds, label)
    column = LabelColumn(reader, label, table.builders[label], table.spool.column(label), options)
    doubts = list(label_doubts(column))
    builder = column.builder
    if isinstance(builder, TextBuilder) and builder.has_too_many and is_measurement(builder):
        table = table_pass.read({**kinds, label: "number"}, label)
        column = LabelColumn(reader, label, table.builders[label], table.spool.column(label), options)
    return column, table, doubts


def _names(columns: Mapping[int, TakenColumn]) -> dict[int, tuple[str, Kind]]:
    """The name and the kind of each feature."""
    features = {place: each.feature for place, each in columns.items() if each.feature is not None}
    return {place: (each.name, each.kind) for place, each in features.items()}


def _why_left_out(columns: Mapping[int, TakenColumn]) -> str:
    """Why the first columns are none, from their warnings."""
    doubts = [doubt.sentence.rstrip(".") for each in columns.values() for doubt in each.doubts]
    return f" ({'; '.join(doubts[:MOST_NAMED])})" if doubts else ""


def _read_kinds(reader: TableReader, options: TableOptions) -> dict[int, ReadKind]:
    """How the columns have to be read whose kind a field or the file itself gives."""
    kinds: dict[int, ReadKind] = {}
    for position, column in enumerate(reader.columns):
        kind = options.kinds.get(column.name) or (column.declared and column.declared.kind)
        if kind in ("number", "date"):
            kinds[position] = kind
        elif kind in ("category", "boolean"):
            kinds[position] = "text"
    return kinds


def _label_kind(reader: TableReader, label: int, options: TableOptions) -> ReadKind:
    """How the label is read: as numbers if it is one to predict, else as texts that name classes."""
    is_number = options.kinds.get(reader.columns[label].name) == "number"
    return "number" if options.task == "regression" or (is_number and options.task is None) else "text"


def _open(doubts: Sequence[Doubt | None], options: TableOptions) -> Iterator[Doubt]:
    """The doubts as the options leave them: an accepted question is a warning."""
    for doubt in doubts:
        if doubt is not None:
            yield replace(doubt, blocking=False) if options.accepts(doubt.code) else doubt


def _dataset(
    reader: TableReader, table: ReadTable, columns: dict[int, TakenColumn], label: Label, folder: Path
) -> Dataset:
    features = {position: each for position, each in columns.items() if each.feature is not None}
    if not features:
        wrong = f"has no column that is a feature{_why_left_out(columns)}"
        raise MalformedFile(reader.file, wrong, "a label and a feature are needed")
    if len(features) > MOST_FEATURES:
        right = f"at most {MOST_FEATURES:,} features are read"
        raise FileTooLarge(reader.file, f"has {len(features):,} features", right)
    codes = {position: each.codes for position, each in features.items() if each.codes is not None}
    store = FeatureStore(table.spool, list(features), codes, label.rows)
    try:
        values, offset = store.write(folder / "features")
    except PrecisionLost as bad:
        name = reader.columns[list(features)[bad.column]].name
        raise MalformedFile(f"{reader.file}, column {quoted(name)}", bad.wrong, bad.right) from None
    return Dataset(
        name=folder.name,
        features=values,
        labels=np.asarray(label.labels),
        classes=label.classes,
        offset=offset,
        columns=tuple(each.feature for each in features.values() if each.feature is not None),
        targets=label.targets,
    )
