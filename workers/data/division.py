"""Draws disjoint parts of rows by ratio: stratified by class, or not; equal rows together, or not."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workers.data.apportionment import allocate, allocate_classes, exact
from workers.data.dataset import Indices, Labels, rows_by_class
from workers.data.errors import TooFewRows
from workers.data.splits import Part, Split
from workers.nn.arrays import Integers
from workers.randomness import generator

Ratios = Mapping[Part, float | Fraction]


def divide(
    rows: Indices,
    labels: Labels,
    classes: Sequence[str],
    split: Split,
    ratios: Ratios,
    groups: Indices | None = None,
    stream: np.random.Generator | None = None,
) -> dict[Part, Indices]:
    """Draw disjoint parts of `rows`, ascending indices into `labels` (n,), by ratio, with `stream`.

    Without it, with the seed of the split.

    Together they hold all of `rows`. groups: the group (n,) of each row; rows of one group stay together, and the
    sizes are then as exact as that allows. Raises TooFewRows if the parts cannot be filled.
    """
    stream = stream or generator(split.seed, "split")
    if split.stratify:
        return _stratified(rows, labels, classes, ratios, groups, stream)
    sizes = part_sizes(len(rows), ratios, *least_rows(split, classes))
    pieces = _cut(rows, list(sizes.values()), groups, stream, "the data set")
    return {part: np.sort(piece) for part, piece in zip(sizes, pieces, strict=True)}


def least_rows(split: Split, classes: Sequence[str]) -> tuple[int, str]:
    """The fewest rows that a part may have, and why."""
    return (len(classes), "one of each class") if split.stratify else (1, "give it a larger ratio")


def part_sizes(rows: int, ratios: Ratios, least: int, why: str) -> dict[Part, int]:
    """Divide a number of rows by ratio, exactly. Raises TooFewRows if a part would have fewer than `least`."""
    sizes = dict(zip(ratios, allocate(rows, exact(list(ratios.values()))), strict=True))
    for part, size in sizes.items():
        require_size(part, size, least, why)
    return sizes


def require_size(part: Part, size: int, least: int, why: str) -> None:
    """Raise TooFewRows if a part would be too small."""
    if size < least:
        raise TooFewRows(f"the {part} part", size, least, why)


def require_rows(counts: Integers, classes: Sequence[str], parts: int) -> None:
    """Raise TooFewRows if a class has fewer rows than there are parts."""
    for name, rows in zip(classes, counts.tolist(), strict=True):
        if rows < parts:
            raise TooFewRows(f"class '{name}'", rows, parts, f"one in each of the {parts} parts")


def distinct_rows_needed(parts: int) -> str:
    """Why so many rows are needed, if equal rows stay together."""
    return f"one in each of the {parts} parts, and equal rows, which stay together, count once"


def _stratified(
    rows: Indices,
    labels: Labels,
    classes: Sequence[str],
    ratios: Ratios,
    groups: Indices | None,
    stream: np.random.Generator,
) -> dict[Part, Indices]:
    counts = np.bincount(labels[rows], minlength=len(classes))
    require_rows(counts, classes, len(ratios))
    sizes = part_sizes(len(rows), ratios, len(classes), "one of each class")
    table = np.array(allocate_classes(counts.tolist(), list(sizes.values())))
    pieces = [
        _cut(rows[positions], table[:, k].tolist(), groups, stream, f"class '{classes[k]}'")
        for k, positions in enumerate(rows_by_class(labels[rows], len(classes)))
    ]
    parts = zip(*pieces, strict=True)
    return {part: np.sort(np.concatenate(of_part)) for part, of_part in zip(sizes, parts, strict=True)}


def _cut(
    rows: Indices, sizes: list[int], groups: Indices | None, stream: np.random.Generator, what: str
) -> list[Indices]:
    """Shuffle rows and cut them into pieces of these sizes; whole groups, as near to the sizes as these allow."""
    ends = np.cumsum(sizes)[:-1]
    if groups is None:
        return np.split(stream.permutation(rows), ends)
    numbers = np.unique(groups[rows], return_inverse=True)[1]
    members = rows_by_class(numbers, int(numbers.max()) + 1)
    if len(members) < len(sizes):
        raise TooFewRows(what, len(members), len(sizes), distinct_rows_needed(len(sizes)))
    shuffled = [rows[members[group]] for group in stream.permutation(len(members))]
    cuts = _nearest_cuts(np.cumsum([len(group) for group in shuffled]), ends)
    bounds = [0, *cuts, len(shuffled)]
    return [np.concatenate(shuffled[a:b]) for a, b in pairwise(bounds)]


def _nearest_cuts(filled: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
    """For each end, the number of groups whose rows, `filled` (G,) in all, are nearest to it; no piece is empty."""
    cuts: list[int] = []
    for number, end in enumerate(ends.tolist()):
        nearest = int(np.argmin(np.abs(filled - end))) + 1
        least = cuts[-1] + 1 if cuts else 1
        cuts.append(min(max(nearest, least), len(filled) - (len(ends) - number)))
    return cuts
