"""Reads a table: from the columns of a reader to a data set and its schema, with every doubt at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workers.data.dataset import Dataset
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.precision import PrecisionLost
from workers.data.tables.cells import CellRules
from workers.data.tables.class_names import MOST_CLASSES
from workers.data.tables.column_schemas import TakenColumn, offending_doubt, schema_of, taken_column
from workers.data.tables.feature_store import FeatureStore
from workers.data.tables.label import Label, missing_label_doubt, read_label, spelling_doubt
from workers.data.tables.label_choice import choose_label
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.schema import MOST_COLUMNS, Doubt, TableSchema
from workers.data.tables.table_pass import ReadKind, ReadTable, TablePass
from workers.data.tables.table_reader import TableReader

MOST_FEATURES = 2**18


class TableReading(NamedTuple):
    """What reading a table gives. dataset: None while a question of the schema is not answered."""

    dataset: Dataset | None
    schema: TableSchema


def read_table(reader: TableReader, options: TableOptions, folder: Path) -> TableReading:
    """Read a table as the options say. `folder`, whose name is the data set's, receives the files of its features.

    Raises MalformedFile.
    """
    label_column, label_doubt = choose_label(reader, options)
    rules = CellRules(options.markers, reader.decimal or ".")
    kinds = {**_read_kinds(reader, options), label_column: _label_kind(reader, label_column, options)}
    table = TablePass(reader, rules, folder, MOST_CLASSES).read(kinds, label_column)
    builder, name = table.builders[label_column], reader.columns[label_column].name
    label = read_label(
        f"{reader.file}, column {quoted(name)}", builder, table.spool.column(label_column), options
    )
    columns = {
        position: taken_column(reader, position, each, options)
        for position, each in enumerate(table.builders)
        if position != label_column
    }
    doubts: list[Doubt | None] = [*reader.doubts, label_doubt, offending_doubt(reader, label_column, builder)]
    doubts += [missing_label_doubt(name, builder), spelling_doubt(name, builder, options)]
    doubts += [doubt for column in columns.values() for doubt in column.doubts]
    schemas = [
        schema_of(name, builder, "label") if position == label_column else columns[position].schema
        for position in range(min(len(table.builders), MOST_COLUMNS))
    ]
    schema = TableSchema(
        rows=len(label.labels),
        label=name,
        task="classification" if label.targets is None else "regression",
        columns=tuple(schemas),
        doubts=tuple(_open(doubts, options)),
        header=reader.header,
        delimiter=reader.delimiter,
        decimal=reader.decimal,
    )
    return TableReading(None if schema.questions else _dataset(reader, table, columns, label, folder), schema)


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
        raise MalformedFile(
            reader.file, "has no column that is a feature", "a label and a feature are needed"
        )
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
