"""The column to predict: its classes, or its numbers, and the rows that have one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Labels, Targets
from workers.data.errors import MalformedFile
from workers.data.tables.class_names import MOST_CLASSES, ordered, spellings, wrong_with
from workers.data.tables.column_builders import MeasureBuilder, TextBuilder
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import TableOptions
from workers.data.tables.schema import Doubt
from workers.data.tables.spool import Values
from workers.data.tables.target_bins import binned


@dataclass(frozen=True)
class Label:
    """The label of each row that has one. rows: which those are, (n,); None for all. targets: None for classes."""

    labels: Labels
    classes: tuple[str, ...]
    targets: Targets | None
    rows: NDArray[np.bool_] | None


def read_label(
    where: str, builder: MeasureBuilder | TextBuilder, values: Values, options: TableOptions
) -> Label:
    """The label in a column that was read. `where` names it in messages. Raises MalformedFile."""
    filled = ~np.isnan(values)
    rows, values = (None if filled.all() else filled), values[filled]
    if not isinstance(builder, TextBuilder):
        if not len(np.unique(values)) > 1:
            found = "has the same number in all rows" if len(values) else "has no numbers"
            raise MalformedFile(where, found, "two different numbers are needed")
        labels, classes = binned(values)
        return Label(labels, classes, values, rows)
    names = _names(builder, merged=options.spellings != "keep")
    classes = tuple(ordered({names[text] for text, code in builder.levels.items() if builder.counts[code]}))
    _require_classes(where, classes)
    place = {name: index for index, name in enumerate(classes)}
    codes = np.array([place.get(names[text], -1) for text in builder.levels] + [-1])
    return Label(codes[values.astype(np.int64)], classes, None, rows)


def missing_label_doubt(name: str, builder: MeasureBuilder | TextBuilder) -> Doubt | None:
    """Ask what rows without a label mean."""
    if not builder.missing:
        return None
    markers = builder.markers if isinstance(builder, TextBuilder) else {}
    found = ", ".join(f"{text!r} {count:,} times" for text, count in markers.items())
    rows = "1 row has" if builder.missing == 1 else f"{builder.missing:,} rows have"
    text = (
        f"{rows} no label in column {quoted(name)}{f' ({found})' if found else ''}. accept=missing_labels leaves "
        "them out; missing= lists the texts that mean a missing value, if these are classes."
    )
    return Doubt("missing_labels", name, text, {"accept": "missing_labels", "missing": "NA"})


def spelling_doubt(name: str, builder: MeasureBuilder | TextBuilder, options: TableOptions) -> Doubt | None:
    """Ask whether classes whose names differ in spelling alone are one."""
    groups = spellings(builder.levels) if isinstance(builder, TextBuilder) else []
    if not groups or options.spellings:
        return None
    shown = "; ".join(" and ".join(map(quoted, group)) for group in groups[:5])
    text = (
        f"Column {quoted(name)} has classes that differ in spelling alone: {shown}. spellings=merge makes one class "
        "of each group, under its most frequent name; spellings=keep keeps them apart."
    )
    return Doubt("spellings", name, text, {"spellings": "merge"})


def _names(builder: TextBuilder, *, merged: bool) -> dict[str, str]:
    """The class of each text: itself, or the most frequent spelling of its group."""
    names = {text: text for text in builder.levels}
    for group in spellings(builder.levels) if merged else ():
        most = max(group, key=lambda text: (builder.counts[builder.levels[text]], text))
        names |= dict.fromkeys(group, most)
    return names


def _require_classes(where: str, classes: tuple[str, ...]) -> None:
    for name in classes:
        if wrong := wrong_with(name):
            raise MalformedFile(where, *wrong)
    if len(classes) > MOST_CLASSES:
        right = f"at most {MOST_CLASSES:,} classes are read; a measurement is predicted with task=regression"
        raise MalformedFile(where, f"has {len(classes):,} classes or more", right)
    if len(classes) < 2:
        found = f"has one class, {quoted(classes[0])}" if classes else "has no rows"
        raise MalformedFile(where, found, "two classes are needed")
