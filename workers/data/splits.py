"""Splits: which rows train a network, which validate it, and which are held back for the test."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Tag

from workers.data.apportionment import allocate, allocate_classes, exact
from workers.data.dataset import Indices, Labels, rows_by_class
from workers.data.errors import TooFewRows
from workers.data.imbalance import Imbalance
from workers.nn.arrays import Integers
from workers.randomness import generator
from workers.tagged_union import DiscriminatedBy, Flag, NonNegative, Positive, Seed, variant

Part = Literal["train", "validation", "test"]


@variant
class Split(ABC):
    """Divides the rows of a data set; which row goes into which part depends on the labels and `seed` alone."""

    train: Positive
    validation: Positive
    test: NonNegative | Literal["official"]
    stratify: Flag = True
    seed: Seed = 0

    @property
    @abstractmethod
    def ratios(self) -> dict[Part, float]:
        """The share of the rows of each part that has any; the shares sum to 1."""

    def __post_init__(self) -> None:
        total = sum(self.ratios.values())
        if abs(total - 1) > 1e-9:
            given = " + ".join(f"{part} {ratio:g}" for part, ratio in self.ratios.items())
            train = 1 - total + self.train
            right = f"train = {train:g} would be right" if train > 0 else f"divide each by {total:g}"
            raise ValueError(f"the ratios must sum to 1: {given} = {total:g}; {right}")


@variant
class RatioSplit(Split):
    """Divides all rows into train, validation and test by ratio. With `test` 0 there is no test part."""

    train: Positive = 0.7
    validation: Positive = 0.2
    test: NonNegative = 0.1

    @property
    def ratios(self) -> dict[Part, float]:
        test: dict[Part, float] = {"test": self.test} if self.test else {}
        return {"train": self.train, "validation": self.validation, **test}


@variant
class OfficialSplit(Split):
    """Train and validation by ratio; the test part is the one published with the data set."""

    train: Positive = 0.8
    validation: Positive = 0.2
    test: Literal["official"] = "official"

    @property
    def ratios(self) -> dict[Part, float]:
        return {"train": self.train, "validation": self.validation}


def _tag(given: Any) -> str:
    test = given.get("test") if isinstance(given, Mapping) else getattr(given, "test", None)
    return "official" if test == "official" else "ratios"


AnySplit = Annotated[
    Annotated[RatioSplit, Tag("ratios")] | Annotated[OfficialSplit, Tag("official"), DiscriminatedBy("test")],
    Discriminator(_tag),
]
"""`{}` is 70:20:10; `{"test": "official"}` is 80:20 and the official test part."""


@dataclass(frozen=True, eq=False)
class SplitRows:
    """The rows of each part, ascending indices into the data set; an official test part has none here."""

    train: Indices
    validation: Indices
    test: Indices


def split_rows(
    labels: Labels, classes: Sequence[str], split: Split, imbalance: Imbalance | None = None
) -> SplitRows:
    """Divide the rows with `labels` (n,) into disjoint parts of exact size that hold all rows not thinned out.

    In a stratified split every class has a row in every part. Otherwise rows are drawn without regard to classes.
    Raises TooFewRows if the parts cannot be filled, or if the training part would lack a class.
    """
    rows = np.arange(len(labels))
    thinning = generator(split.seed, "thinning")
    if imbalance and imbalance.parts == "all":
        rows = imbalance.thin(labels, len(classes), rows, thinning)
    parts = _stratified(labels, classes, rows, split) if split.stratify else _simple(rows, split)
    train = parts["train"]
    _require_every_class(np.bincount(labels[train], minlength=len(classes)), classes)
    if imbalance and imbalance.parts == "training":
        train = imbalance.thin(labels, len(classes), train, thinning)
    return SplitRows(train, parts["validation"], parts.get("test", rows[:0]))


def _stratified(labels: Labels, classes: Sequence[str], rows: Indices, split: Split) -> dict[Part, Indices]:
    counts = _class_counts(np.bincount(labels[rows], minlength=len(classes)), classes, split)
    ends = np.cumsum(list(counts.values()), axis=0)
    stream = generator(split.seed, "split")
    pieces = []
    for k, positions in enumerate(rows_by_class(labels[rows], len(classes))):
        pieces.append(np.split(stream.permutation(rows[positions]), ends[:-1, k]))
    parts = zip(*pieces, strict=True)
    return {part: np.sort(np.concatenate(of_part)) for part, of_part in zip(counts, parts, strict=True)}


def _simple(rows: Indices, split: Split) -> dict[Part, Indices]:
    sizes = _sizes(len(rows), split, least=1, why="give it a larger ratio")
    shuffled = generator(split.seed, "split").permutation(rows)
    pieces = np.split(shuffled, np.cumsum(list(sizes.values()))[:-1])
    return {part: np.sort(piece) for part, piece in zip(sizes, pieces, strict=True)}


def _class_counts(counts: Integers, classes: Sequence[str], split: Split) -> dict[Part, NDArray[np.int64]]:
    parts = len(split.ratios)
    for name, rows in zip(classes, counts.tolist(), strict=True):
        if rows < parts:
            raise TooFewRows(f"class '{name}'", rows, parts, f"one in each of the {parts} parts")
    sizes = _sizes(int(counts.sum()), split, least=len(classes), why="one of each class")
    table = allocate_classes(counts.tolist(), list(sizes.values()))
    return {part: np.array(taken) for part, taken in zip(sizes, table, strict=True)}


def _sizes(rows: int, split: Split, *, least: int, why: str) -> dict[Part, int]:
    sizes = dict(zip(split.ratios, allocate(rows, exact(list(split.ratios.values()))), strict=True))
    for part, size in sizes.items():
        if size < least:
            raise TooFewRows(f"the {part} part", size, least, why)
    return sizes


def _require_every_class(counts: Integers, classes: Sequence[str]) -> None:
    for name, rows in zip(classes, counts.tolist(), strict=True):
        if rows == 0:
            raise TooFewRows(f"class '{name}'", 0, 1, "in the training part; stratify the split")
