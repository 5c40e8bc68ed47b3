"""The corruptions that fit the rows of a part, applied block by block, so that memory stays bounded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workers.corruptions.corruption import SEVERITIES, Corruption, Floats
from workers.corruptions.images import IMAGE_CORRUPTIONS
from workers.corruptions.tables import TABLE_CORRUPTIONS, TableRows, fits
from workers.data.dataset import Dataset, Features
from workers.randomness import generator

BLOCK_CELLS = 2_000_000
"""Values that are corrupted at a time."""
WHITE = 255.0
"""Of images of bytes."""


@dataclass(frozen=True)
class Cell:
    """One corruption in one severity."""

    corruption: str
    severity: int
    level: float


class Battery:
    """The corruptions of a part of a data set. takes_missing: whether its models take missing values.

    All parts of a data set have the same cells. The rows of a part are corrupted alike whenever this is repeated.
    """

    def __init__(self, part: Dataset, takes_missing: bool) -> None:
        self._part = part
        self._known: dict[str, Corruption[Any]] = {each.name: each for each in fitting(part)}
        self._prepared = _images(part) if part.shape else _table(part, takes_missing)
        self._restored = _restored(part)

    def blocks(self, cell: Cell | None, fold: int) -> Iterator[Features]:
        """The rows under a corruption, or as they are, as the data set stores them. fold: chooses the stream."""
        step = max(1, BLOCK_CELLS // self._part.features.shape[1])
        names = list(self._known)
        stream = generator(0, "corruptions", fold, names.index(cell.corruption)) if cell else None
        for start in range(0, len(self._part), step):
            rows = self._part.features[start : start + step]
            if cell is None or stream is None:
                yield rows
                continue
            corrupted = self._known[cell.corruption](self._prepared(rows), cell.severity, stream)
            yield self._restored(corrupted)


def fitting(part: Dataset) -> list[Corruption[Any]]:
    """The corruptions of images, or those of tables that have the columns that they change."""
    if part.shape is not None:
        return list(IMAGE_CORRUPTIONS)
    columns = part.columns
    width = part.features.shape[1]
    numbers = sum(_is_number(each.kind) for each in columns) if columns is not None else width
    categories = sum(each.kind == "category" for each in columns) if columns is not None else 0
    return [each for each in TABLE_CORRUPTIONS if fits(each, numbers, categories)]


def cells(part: Dataset, chosen: Sequence[str] | None) -> list[Cell]:
    """The chosen corruptions, by default all that fit, each in all severities."""
    names = None if chosen is None else set(chosen)
    return [
        Cell(each.name, severity, float(each.levels[severity - 1]))
        for each in fitting(part)
        if names is None or each.name in names
        for severity in SEVERITIES
    ]


def _is_number(kind: str) -> bool:
    return kind in ("number", "date")


def _images(part: Dataset) -> Callable[[Features], Floats]:
    assert part.shape is not None  # noqa: S101
    shape = part.shape
    low, span = _range(part)

    def prepared(rows: Features) -> Floats:
        scaled = (rows.astype(np.float32) - np.float32(low)) / np.float32(span)
        return scaled.reshape(len(rows), *shape)

    return prepared


def _table(part: Dataset, takes_missing: bool) -> Callable[[Features], TableRows]:
    width = part.features.shape[1]
    values = part.features.astype(np.float64)
    known = np.isfinite(values)
    usable = known.any(axis=0)
    sd, median = np.zeros(width), np.zeros(width)
    sd[usable] = np.nanstd(values[:, usable], axis=0)
    median[usable] = np.nanmedian(values[:, usable], axis=0)
    kinds = [each.kind for each in part.columns] if part.columns is not None else ["number"] * width
    offset = np.zeros(width) if part.offset is None else part.offset
    is_number = np.array([_is_number(kind) for kind in kinds])
    is_category = np.array([kind == "category" for kind in kinds])

    def prepared(rows: Features) -> TableRows:
        return TableRows(rows.astype(np.float32), offset, sd, median, is_number, is_category, takes_missing)

    return prepared


def _range(part: Dataset) -> tuple[float, float]:
    """What is 0 of the images, and how far 1 is from it: those of bytes, or of the values that the part has."""
    if part.features.dtype == np.uint8:
        return 0.0, WHITE
    low, high = float(part.features.min()), float(part.features.max())
    return low, (high - low) or 1.0


def _restored(part: Dataset) -> Callable[[Floats], Features]:
    if part.shape is None:
        return lambda rows: rows
    low, span = _range(part)
    if part.features.dtype == np.uint8:
        return lambda images: np.rint(images.reshape(len(images), -1) * np.float32(WHITE)).astype(np.uint8)
    return lambda images: images.reshape(len(images), -1) * np.float32(span) + np.float32(low)
