"""Divides the rows of a data set into training, validation and test part, as a split says.

The sealed rows come off first: `seal_rows`. Then the open rows are divided by the seed: `divide`, of
`workers.data.division`. A split of another kind can take the same first step, and divide the open rows by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from workers.data.apportionment import exact
from workers.data.dataset import Dataset, Indices, Labels
from workers.data.division import (
    Ratios,
    distinct_rows_needed,
    divide,
    least_rows,
    part_sizes,
    require_rows,
    require_size,
)
from workers.data.errors import ColumnDoesNotDivide, TooFewRows
from workers.data.imbalance import Imbalance, draw
from workers.data.row_digests import Digests, groups_of_equal_rows
from workers.data.sealed_rows import Seal, seal, sealed_size
from workers.data.split_orders import divide_by_column
from workers.data.splits import Part, Split, ThreePartSplit
from workers.nn.arrays import Integers
from workers.randomness import generator


def _no_rows() -> Indices:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class SplitRows:
    """The rows of each part, ascending indices into the data set; an official test part has none here.

    Only a fold of a cross-validation has an evaluation part, and `open`: the rows of all its folds.
    """

    train: Indices
    validation: Indices
    test: Indices
    evaluation: Indices = field(default_factory=_no_rows)
    open: Indices = field(default_factory=_no_rows)

    @property
    def exposed(self) -> Indices:
        """The rows that an experiment on this split learns from or is chosen by, in any order."""
        return np.concatenate([self.train, self.validation, self.open])

    @property
    def nbytes(self) -> int:
        """The memory that the indices take."""
        return self.train.nbytes + self.validation.nbytes + self.test.nbytes


def split_rows_by_column(
    dataset: Dataset, digests: Digests, split: ThreePartSplit, imbalance: Imbalance | None = None
) -> SplitRows:
    """The same by the column that the split names. Raises TooFewRows or ColumnDoesNotDivide."""
    labels, classes = dataset.labels, dataset.classes
    sealed = seal_rows(labels, digests, classes, split, imbalance)
    assert split.by is not None  # noqa: S101
    share = split.validation / (split.train + split.validation)
    train, validation = divide_by_column(dataset, sealed.open, split.by, share, split.seed)
    for name, rows in zip(classes, np.bincount(labels[train], minlength=len(classes)).tolist(), strict=True):
        if rows == 0:
            raise ColumnDoesNotDivide(split.by.column, f"leaves no training row of class '{name}'")
    if imbalance is not None and imbalance.parts == "training":
        train = imbalance.thin(labels, len(classes), train, generator(split.seed, "thinning"))
    return SplitRows(train, validation, sealed.test)


def split_rows(
    labels: Labels, digests: Digests, classes: Sequence[str], split: Split, imbalance: Imbalance | None = None
) -> SplitRows:
    """Divide the rows with `labels` (n,) and `digests` (n,) into disjoint parts; those thinned out are in none.

    In a stratified split every class has a row in every part. Otherwise rows are drawn without regard to classes.
    Raises TooFewRows if the parts cannot be filled, or if the training part would lack a class.
    """
    rows = _split_rows_v1 if split.version == 1 else _split_rows_v2
    parts = rows(labels, digests, classes, split, imbalance)
    require_every_class(np.bincount(labels[parts.train], minlength=len(classes)), classes)
    if imbalance is None or imbalance.parts != "training":
        return parts
    train = imbalance.thin(labels, len(classes), parts.train, generator(split.seed, "thinning"))
    return SplitRows(train, parts.validation, parts.test)


def count_repeated_rows(digests: Digests, rows: SplitRows) -> dict[Part, int]:
    """How many rows of the validation part, and of the evaluation part if there is one, equal a training row."""
    measured: dict[Part, Indices] = {"validation": rows.validation, "evaluation": rows.evaluation}
    trained = digests[rows.train]
    return {
        part: int(np.isin(digests[indices], trained).sum())
        for part, indices in measured.items()
        if len(indices)
    }


def seal_rows(
    labels: Labels, digests: Digests, classes: Sequence[str], split: Split, imbalance: Imbalance | None = None
) -> Seal:
    """Take off the test part; if an imbalance concerns all parts, thin the open rows too.

    The test part depends on the data, on the share of the test and on the imbalance. Raises TooFewRows if a class
    cannot have a row in every part, or if the test part would be empty.
    """
    counts = np.bincount(labels, minlength=len(classes))
    thinned = imbalance.kept_counts(counts) if imbalance and imbalance.parts == "all" else None
    _require_parts(counts if thinned is None else thinned, classes, split)
    sealed = seal(labels, digests, len(classes), sealed_share(split), thinned)
    if sealed_share(split):
        _require_distinct_rows(sealed.test, labels, digests, classes, split)
    if thinned is None:
        return sealed
    left = thinned - np.bincount(labels[sealed.test], minlength=len(classes))
    available = np.bincount(labels[sealed.open], minlength=len(classes))
    stream = generator(split.seed, "thinning")
    return Seal(sealed.test, draw(labels, sealed.open, np.minimum(left, available), stream))


def sealed_share(split: Split) -> Fraction:
    """The share of the rows that are held back; 0 if none are, or if the test part is an official one."""
    shares = dict(zip(split.ratios, exact(list(split.ratios.values())), strict=True))
    return shares.get("test", Fraction(0))


def open_ratios(split: Split) -> Ratios:
    """The ratios by which the open rows are divided: those of the split, without the test."""
    return {part: ratio for part, ratio in split.ratios.items() if part != "test"}


def _split_rows_v1(
    labels: Labels, _: Digests, classes: Sequence[str], split: Split, imbalance: Imbalance | None
) -> SplitRows:
    rows = np.arange(len(labels))
    if imbalance and imbalance.parts == "all":
        rows = imbalance.thin(labels, len(classes), rows, generator(split.seed, "thinning"))
    parts = divide(rows, labels, classes, split, split.ratios)
    return SplitRows(parts["train"], parts["validation"], parts.get("test", rows[:0]))


def _split_rows_v2(
    labels: Labels, digests: Digests, classes: Sequence[str], split: Split, imbalance: Imbalance | None
) -> SplitRows:
    sealed = seal_rows(labels, digests, classes, split, imbalance)
    groups = groups_of_equal_rows(digests) if split.groups == "duplicates" else None
    parts = divide(sealed.open, labels, classes, split, open_ratios(split), groups)
    return SplitRows(parts["train"], parts["validation"], sealed.test)


def _require_parts(counts: Integers, classes: Sequence[str], split: Split) -> None:
    """Raise TooFewRows if these rows of each class (K,) cannot fill the parts."""
    if split.stratify:
        require_rows(counts, classes, len(split.ratios))
    rows, share = int(counts.sum()), sealed_share(split)
    test, limits = sealed_size(rows, share), least_rows(split, classes)
    if share:
        require_size("test", test, *limits)
    part_sizes(rows - test, open_ratios(split), *limits)


def _require_distinct_rows(
    test: Indices, labels: Labels, digests: Digests, classes: Sequence[str], split: Split
) -> None:
    """Raise TooFewRows if equal rows, which are not divided, left the test part without a class that it needs."""
    counts, parts = np.bincount(labels[test], minlength=len(classes)), len(split.ratios)
    for k in np.flatnonzero(counts == 0).tolist() if split.stratify else ():
        distinct = len(np.unique(digests[labels == k]))
        raise TooFewRows(f"class '{classes[k]}'", distinct, parts, distinct_rows_needed(parts))
    require_size("test", len(test), 1, distinct_rows_needed(parts))


def require_every_class(counts: Integers, classes: Sequence[str]) -> None:
    """Raise TooFewRows if the training part, with `counts` (K,), lacks a class."""
    for name, rows in zip(classes, counts.tolist(), strict=True):
        if rows == 0:
            raise TooFewRows(f"class '{name}'", 0, 1, "in the training part; stratify the split")
