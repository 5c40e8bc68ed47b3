"""Folds of a cross-validation: each part of the open rows in turn evaluates, and the rest trains and validates.

The sealed rows come off first. For each repeat the open rows are shuffled and dealt out into folds: stratified, every
fold gets its share of each class and of all rows, rounded down or up. The evaluation parts depend on the data, the
share of the test, the number of folds and the seed alone: experiments that share these can be compared fold by fold.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from workers.data.dataset import Indices, Labels, rows_by_class
from workers.data.division import divide
from workers.data.errors import TooFewRows
from workers.data.imbalance import Imbalance
from workers.data.row_digests import Digests, groups_of_equal_rows
from workers.data.split_rows import SplitRows, require_every_class, seal_rows
from workers.data.splits import CrossValidation, Fold
from workers.nn.arrays import Integers
from workers.randomness import generator


class FoldDivider:
    """Divides the rows of a data set into the parts of each fold of a split."""

    def __init__(
        self,
        labels: Labels,
        digests: Digests,
        classes: Sequence[str],
        split: CrossValidation,
        imbalance: Imbalance | None = None,
    ) -> None:
        """labels, digests: (n,). Raises TooFewRows if a class has too few rows for the folds."""
        self._labels, self._classes, self._split, self._imbalance = labels, classes, split, imbalance
        self.sealed = seal_rows(labels, digests, classes, split, imbalance)
        self._groups = self._groups_of(digests) if split.groups == "duplicates" else None
        self._require_enough_rows()
        self._evaluation_parts = lru_cache(maxsize=1)(self._deal)

    def _groups_of(self, digests: Digests) -> Indices | None:
        """The group (n,) of each row; None if no open rows are equal, so that each is dealt out by itself."""
        distinct = len(np.unique(digests[self.sealed.open]))
        return None if distinct == len(self.sealed.open) else groups_of_equal_rows(digests)

    def rows(self, fold: Fold) -> SplitRows:
        """The rows of each part in one fold, ascending indices. Raises TooFewRows."""
        split, labels = self._split, self._labels
        evaluation = self._evaluation_parts(fold.repeat)[fold.fold]
        rest = np.setdiff1d(self.sealed.open, evaluation, assume_unique=True)
        stream = generator(split.seed, "split", *fold)
        parts = divide(rest, labels, self._classes, split, split.ratios_of_rest, self._groups, stream)
        train = parts["train"]
        require_every_class(np.bincount(labels[train], minlength=len(self._classes)), self._classes)
        if self._imbalance and self._imbalance.parts == "training":
            thinning = generator(split.seed, "thinning", *fold)
            train = self._imbalance.thin(labels, len(self._classes), train, thinning)
        return SplitRows(train, parts["validation"], self.sealed.test, evaluation, self.sealed.open)

    def _deal(self, repeat: int) -> list[Indices]:
        """The evaluation part of each fold of a repeat, ascending indices."""
        split, stream = self._split, generator(self._split.seed, "folds", repeat)
        labels = self._labels if split.stratify else np.zeros_like(self._labels)
        classes = rows_by_class(labels[self.sealed.open], int(labels.max()) + 1)
        members = [self.sealed.open[positions] for positions in classes]
        if self._groups is not None:
            fold_of = _deal_groups(members, self._groups, split.folds, stream)
        else:
            shuffled = np.concatenate([stream.permutation(rows) for rows in members])
            fold_of = dict(enumerate(shuffled[number :: split.folds] for number in range(split.folds)))
        return [np.sort(fold_of[number]) for number in range(split.folds)]

    def _require_enough_rows(self) -> None:
        """Raise TooFewRows unless every class has a row for each fold, and two more wherever it is evaluated."""
        split, rows = self._split, self.sealed.open
        needed = max(split.folds, 4 if split.folds == 2 else 3)
        why = f"one in each of the {split.folds} folds and two beside it, after the test rows are held back"
        if self._groups is not None:
            rows = rows[np.unique(self._groups[rows], return_index=True)[1]]
            why += "; equal rows, which stay together, count once"
        if not split.stratify and len(rows) < needed:
            raise TooFewRows("the data set", len(rows), needed, why)
        counts = np.bincount(self._labels[rows], minlength=len(self._classes)).tolist()
        for name, count in zip(self._classes, counts, strict=True):
            if split.stratify and count < needed:
                raise TooFewRows(f"class '{name}'", count, needed, why)


def _deal_groups(
    members: list[Indices], groups: Integers, folds: int, stream: np.random.Generator
) -> dict[int, Indices]:
    """Deal out whole groups, the largest first, each to the fold with the fewest rows of its class, then of all."""
    total = np.zeros(folds, np.int64)
    dealt: dict[int, list[Indices]] = {number: [] for number in range(folds)}
    for rows in members:
        of_class = np.zeros(folds, np.int64)
        for group in _shuffled_groups(rows, groups, stream):
            number = int(np.lexsort((total, of_class))[0])
            dealt[number].append(group)
            total[number] += len(group)
            of_class[number] += len(group)
    return {number: np.concatenate(pieces) for number, pieces in dealt.items()}


def _shuffled_groups(rows: Indices, groups: Integers, stream: np.random.Generator) -> list[Indices]:
    """The groups of rows in random order, the largest first."""
    numbers = np.unique(groups[rows], return_inverse=True)[1]
    pieces = rows_by_class(numbers, int(numbers.max()) + 1) if len(rows) else []
    shuffled = [rows[pieces[index]] for index in stream.permutation(len(pieces))]
    return sorted(shuffled, key=len, reverse=True)
