"""Which column is the label: the one that a field names, else the last. One called `class` leads to a question."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from workers.data.errors import MalformedFile
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.schema import Answer, Doubt
from workers.data.tables.table_reader import TableReader

USUAL_NAMES = frozenset({"label", "labels", "target", "class", "y", "outcome"})
SEARCHED = 1000
"""How many column names are searched for one similar to a missing name: each takes time."""


def choose_label(reader: TableReader, options: TableOptions) -> tuple[int, Doubt | None]:
    """The position of the label's column, and the question whether it is another one. Raises MalformedFile."""
    names = [column.name for column in reader.columns]
    kinds = [name for name, kind in options.kinds.items() if kind == "label"]
    for name in (*options.drop, *options.kinds):
        _require(reader, names, name, "that a field names")
    named = [options.label] if options.label is not None else kinds
    if len({*named, *kinds}) > 1:
        raise MalformedFile(
            reader.file, f"has several labels, {', '.join(kinds)}", "name one column as the label"
        )
    if named:
        _require(reader, names, named[0], "for the label")
        return names.index(named[0]), None
    return _unnamed(reader, names, options)


def _unnamed(reader: TableReader, names: list[str], options: TableOptions) -> tuple[int, Doubt | None]:
    ignored = {*options.drop, *(name for name, kind in options.kinds.items() if kind == "ignore")}
    columns = enumerate(reader.columns)
    candidates = [index for index, each in columns if each.name not in ignored and not each.holds_row_names]
    if not candidates:
        raise MalformedFile(reader.file, "has no column left for the label", "drop fewer columns")
    default = reader.default_label % len(names) if reader.is_label_certain else candidates[-1]
    usual = [index for index in candidates if names[index].strip().casefold() in USUAL_NAMES]
    if reader.is_label_certain or not usual or default in usual:
        return default, None
    name, last = names[usual[0]], names[default]
    text = f"Column {quoted(name)} is named like a label, but {quoted(last)} is the last one."
    choices = [Answer("label", each, f"predict {quoted(each)}") for each in (name, last)]
    return usual[0], Doubt("label", name, text, tuple(choices))


def _require(reader: TableReader, names: Sequence[str], wanted: str, purpose: str) -> None:
    if wanted in names:
        return
    where = f"{reader.file}, line 1" if reader.header else reader.file
    raise MalformedFile(where, f"has no column {quoted(wanted)} {purpose}", f"{_hint(wanted, names)}")


def _hint(wanted: str, names: Collection[str]) -> str:
    known = list(names)
    near = get_close_matches(wanted, known[:SEARCHED], n=1)
    hint = f"did you mean {quoted(near[0])}? " if near else ""
    some = ", ".join(map(quoted, known[:10])) + (", ..." if len(known) > 10 else "")
    return f"{hint}its columns are {some}"
