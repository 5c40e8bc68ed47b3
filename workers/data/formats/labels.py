"""Encodes labels as integers while they are read, so that each text is stored once and not once per row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Labels
from workers.data.tables.class_names import MOST_CLASSES, ordered, wrong_with


class InvalidLabel(ValueError):
    """A label cannot name a class. `position` counts within its chunk."""

    def __init__(self, position: int, wrong: str, right: str) -> None:
        self.position, self.wrong, self.right = position, wrong, right
        super().__init__(f"{wrong}; {right}")


class LabelEncoder:
    """Numbers the classes: in numerical order if all are whole numbers, else in alphabetical order."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._chunks: list[NDArray[np.int16]] = []

    def append(self, labels: Sequence[str]) -> None:
        """Add the labels of some rows. Raises InvalidLabel."""
        codes, known = self._codes, len(self._codes)
        chunk = np.fromiter((codes.setdefault(label, len(codes)) for label in labels), np.int32, len(labels))
        for label in list(codes)[known : MOST_CLASSES + 1]:
            self._require_name(label, labels)
        self._chunks.append(chunk.astype(np.int16))

    def result(self) -> tuple[Labels, tuple[str, ...]]:
        """The labels (n,) of all rows, and the names of the classes (K,) that they index."""
        names = ordered(self._codes)
        place = np.empty(len(names), np.int64)
        place[[self._codes[name] for name in names]] = np.arange(len(names))
        return place[np.concatenate([np.empty(0, np.int16), *self._chunks])], tuple(names)

    def _require_name(self, label: str, labels: Sequence[str]) -> None:
        position = labels.index(label)
        if not label:
            raise InvalidLabel(position, "is missing", "every row needs a label: its class")
        if unusable := wrong_with(label):
            raise InvalidLabel(position, *unusable)
        if self._codes[label] >= MOST_CLASSES:
            wrong = f"is label number {MOST_CLASSES + 1:,} that differs from all before"
            raise InvalidLabel(position, wrong, "a label names a class; a measurement cannot be one")
