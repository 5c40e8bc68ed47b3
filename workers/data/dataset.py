"""A labelled data set, or a part of one."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Column, meanings
from workers.nn.arrays import Integers, Shape

Features = NDArray[np.uint8] | NDArray[np.float32]
Labels = NDArray[np.int64]
Indices = NDArray[np.int64]
Targets = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of features, each with the class or the number that is to be predicted.

    features: (n, d), uint8 or float32, possibly memory-mapped; NaN where missing. Images are flattened row-major.
    labels: (n,), int64, each in [0, len(classes)).
    classes: the name of each class. shape: of one image, (height, width, channels), or None.
    offset: (d,), subtracted from the original values in double precision so that they stay distinct in single
    precision; None if nothing was subtracted.
    columns: the d columns of a table, None if they have no names.
    targets: (n,), the numbers to predict in a regression; the classes are then intervals of them. None otherwise.
    """

    name: str
    features: Features
    labels: Labels
    classes: tuple[str, ...]
    shape: Shape | None = None
    offset: NDArray[np.float64] | None = None
    columns: tuple[Column, ...] | None = None
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each class, shape (K,)."""
        return np.bincount(self.labels, minlength=len(self.classes))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content in canonical bytes: the same data has the same hash under any name."""
        features = np.ascontiguousarray(self.features, dtype=self.features.dtype.newbyteorder("<"))
        header = [features.dtype.str, features.shape, self.shape, self.classes]
        header += [] if self.offset is None else [self.offset.tolist()]
        header += meanings(self.columns)
        digest = hashlib.sha256(json.dumps(header).encode())
        digest.update(features.data)
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        if self.targets is not None:
            digest.update(np.ascontiguousarray(self.targets, dtype="<f8").data)
        return digest.hexdigest()

    def take(self, rows: Integers) -> "Dataset":
        """A data set of `rows` alone, in their order; features are copied."""
        targets = None if self.targets is None else self.targets[rows]
        return replace(self, features=self.features[rows], labels=self.labels[rows], targets=targets)


def rows_by_class(labels: Integers, classes: int) -> list[Indices]:
    """The positions of each class in `labels` (n,), ascending: one array per class, empty if the class is absent."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=classes))[:-1])
