"""Columns that should probably be no features: identifiers, and those that predict the label by a simple rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Kind
from workers.data.tables.label import Label
from workers.data.tables.line_blocks import quoted
from workers.data.tables.options import listing
from workers.data.tables.schema import MOST_COLUMNS, Answer, Doubt
from workers.data.tables.spool import Spool, Values

FEWEST_ROWS = 20
SAMPLED_ROWS = 20_000
ACCURATE = 0.99
"""From this accuracy a rule is worth a warning, if it makes at most `SHARE_OF_ERRORS` of the majority's errors."""
SHARE_OF_ERRORS = 0.1
MOST_CLASSES = 50
"""With more classes, no cut is searched: it takes time for each class."""
ROWS_PER_VALUE = 10
"""How many rows a value has on average before the majority of its rows is a rule, and not a list of rows."""
CORRELATED = 0.9999

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """A rule that predicts the label from one column. how: in words."""

    accuracy: float
    how: str


def leak_doubts(spool: Spool, columns: Mapping[int, tuple[str, Kind]], label: Label) -> Iterator[Doubt]:
    """A warning for each column that looks like an identifier or like the answer.

    columns: by position in the spool, the name and the kind of each feature. A date is never an identifier. Only the
    first `MOST_COLUMNS` are searched: each takes time, and in wider tables none has a meaning of its own.
    """
    if len(label.labels) < FEWEST_ROWS or not columns:
        return
    wanted = np.ones(spool.rows, bool) if label.rows is None else label.rows
    sample, rows = spool.sample(SAMPLED_ROWS)
    inside = wanted[rows]
    labels = label.labels[np.cumsum(wanted)[rows[inside]] - 1]
    targets = None if label.targets is None else label.targets[np.cumsum(wanted)[rows[inside]] - 1]
    for position, (name, kind) in islice(columns.items(), MOST_COLUMNS):
        values, is_ordered = sample[position, inside], kind in ("number", "date")
        if kind == "number" and _is_identifier(values) and _is_identifier(spool.column(position)[wanted]):
            yield _identifier_doubt(name)
        if targets is not None:
            if is_ordered and (found := _correlation(values, targets)):
                yield _rule_doubt(name, found)
        elif _best_rule(values, labels, is_ordered=is_ordered):
            whole = _best_rule(spool.column(position)[wanted], label.labels, is_ordered=is_ordered)
            if whole:
                yield _rule_doubt(name, whole)


def _is_identifier(values: Values) -> bool:
    """Whether all values are different whole numbers that are close together, or in order."""
    filled = values[~np.isnan(values)]
    if len(filled) < FEWEST_ROWS or not (filled == np.floor(filled)).all():
        return False
    ordered = np.sort(filled)
    steps = np.diff(ordered)
    if not steps.all():
        return False
    is_dense = ordered[-1] - ordered[0] < 2 * len(filled) or len(np.unique(steps)) == 1
    return bool(is_dense or (np.diff(filled) > 0).all() or (np.diff(filled) < 0).all())


def _best_rule(values: Values, labels: Labels, *, is_ordered: bool) -> Rule | None:
    """The best of the simple rules, if it is accurate enough to be suspicious."""
    filled = ~np.isnan(values)
    values, labels = values[filled], labels[filled]
    if len(values) < FEWEST_ROWS or 2 * len(values) < len(filled):
        return None
    counts = np.bincount(labels)
    needed = max(ACCURATE, 1 - SHARE_OF_ERRORS * (1 - counts.max() / len(labels)))
    if (counts > 0).sum() < 2:
        return None
    rules = [_mapping(values, labels)]
    if is_ordered:
        rules += [_intervals(values, labels), _cut(values, labels, counts)]
    found = [rule for rule in rules if rule is not None and rule.accuracy >= needed]
    return max(found, key=lambda rule: rule.accuracy, default=None)


def _mapping(values: Values, labels: Labels) -> Rule | None:
    """Each value predicts the most frequent class of its rows."""
    found, codes = np.unique(values, return_inverse=True)
    if len(found) * ROWS_PER_VALUE > len(values):
        return None
    width = int(labels.max()) + 1
    pairs, counts = np.unique(codes * width + labels, return_counts=True)
    most = np.zeros(len(found), np.int64)
    np.maximum.at(most, pairs // width, counts)
    return Rule(float(most.sum() / len(values)), "one class for each of its values")


def _intervals(values: Values, labels: Labels) -> Rule | None:
    """Sorted by the column, each class is one run: K - 1 cuts predict K classes."""
    order = np.lexsort((labels, values))
    values, labels = values[order], labels[order]
    changes = np.flatnonzero(labels[1:] != labels[:-1])
    if len(changes) != len(np.unique(labels)) - 1 or (values[changes] == values[changes + 1]).any():
        return None
    return Rule(1.0, "sorted by it, the rows are sorted by class")


def _cut(values: Values, labels: Labels, counts: NDArray[np.int64]) -> Rule | None:
    """Below a value one class, above it another."""
    if len(counts) > MOST_CLASSES:
        return None
    order = np.argsort(values, kind="stable")
    values, labels = values[order], labels[order]
    places = np.flatnonzero(values[1:] > values[:-1])
    if not len(places):
        return None
    below, above = np.zeros(len(places), np.int64), np.zeros(len(places), np.int64)
    for index, count in enumerate(counts):
        left = np.cumsum(labels == index)[places]
        np.maximum(below, left, out=below)
        np.maximum(above, count - left, out=above)
    best = int((below + above).argmax())
    cut = (values[places[best]] + values[places[best] + 1]) / 2
    return Rule(float((below + above)[best] / len(values)), f"one class up to {cut:.6g}, another above")


def _correlation(values: Values, targets: Values) -> Rule | None:
    """A straight line through the column predicts the number."""
    filled = ~np.isnan(values)
    values, targets = values[filled], targets[filled]
    if (
        len(values) < FEWEST_ROWS
        or 2 * len(values) < len(filled)
        or not np.ptp(values)
        or not np.ptp(targets)
    ):
        return None
    r = abs(float(np.corrcoef(values, targets)[0, 1]))
    return Rule(r, "a straight line; the figure is the correlation") if r >= CORRELATED else None


def _identifier_doubt(name: str) -> Doubt:
    text = (
        f"Column {quoted(name)} has another whole number in each row, as an identifier or a row number has."
    )
    return Doubt("identifier", name, text, (_without(name),), blocking=False)


def _rule_doubt(name: str, rule: Rule) -> Doubt:
    text = (
        f"Column {quoted(name)} alone predicts the label with accuracy {rule.accuracy:.3f} ({rule.how}). Is it a "
        "copy of the answer, or known only afterwards?"
    )
    return Doubt("predicts_label", name, text, (_without(name),), blocking=False)


def _without(name: str) -> Answer:
    return Answer("drop", listing([name]), "leave it out")
