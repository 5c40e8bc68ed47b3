"""Reads a file of rows to compare with a data set: by the columns of a model, not by what the file looks like."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.data.errors import FileTooLarge, MalformedFile
from workers.nn.arrays import Shape

BatchFormat = Literal["csv", "npz"]
MOST_CELLS = 10_000_000
MOST_ROWS = 1_000_000
UNKNOWN_CLASS = -1


@dataclass(frozen=True)
class BatchLayout:
    """What the rows of a model look like.

    columns: their names, kinds and levels; None if they have none, and a row is then `features` numbers. shape: of an
    image. classes: of the labels; empty for the numbers of a regression. label: the column of the labels, which may
    be missing; None if there is none. needs_label: whether the file must have it.
    """

    columns: tuple[Column, ...] | None
    features: int
    classes: tuple[str, ...]
    shape: Shape | None = None
    label: str | None = None
    needs_label: bool = False

    def to_json(self) -> dict[str, Any]:
        """The layout as JSON; `from_json` is the inverse."""
        columns = self.columns and [column.to_json() for column in self.columns]
        return asdict(self) | {"columns": columns}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "BatchLayout":
        """The inverse of `to_json`."""
        columns, shape = given["columns"], given["shape"]
        return cls(
            **{
                **given,
                "columns": None if columns is None else tuple(map(Column.from_json, columns)),
                "classes": tuple(given["classes"]),
                "shape": None if shape is None else tuple(shape),
            }
        )


@dataclass(frozen=True)
class BatchNotes:
    """What was seen in a batch.

    unknown: cells of each column with a level that the data set has not. ignored: columns that it has not.
    """

    rows: int
    has_labels: bool
    unknown: dict[str, int] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def write_batch(folder: Path, rows: Sequence[NDArray[Any]], labels: Sequence[NDArray[Any]] | None) -> int:
    """Write pieces of rows (m, d), and of their labels (m,), as files; returns the number of rows."""
    found = np.concatenate(rows)
    folder.mkdir(exist_ok=True)
    np.save(folder / "rows.npy", found, allow_pickle=False)
    if labels is not None:
        np.save(folder / "labels.npy", np.concatenate(labels), allow_pickle=False)
    return len(found)


def read_written(folder: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The rows (n, d) and the labels (n,) that `write_batch` wrote: codes of classes, or the targets."""
    labels = folder / "labels.npy"
    rows: NDArray[Any] = np.load(folder / "rows.npy", allow_pickle=False)
    return rows, np.load(labels, allow_pickle=False) if labels.exists() else None


def require_few(file: str, rows: int, features: int) -> None:
    """Raise FileTooLarge for more rows than are compared."""
    if rows > MOST_ROWS or rows * features > MOST_CELLS:
        right = (
            f"at most {MOST_ROWS:,} rows and {MOST_CELLS:,} cells are compared; send a random sample of them"
        )
        raise FileTooLarge(
            file, f"has more than {min(rows, MOST_ROWS):,} rows of {features:,} features", right
        )


def codes_of(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """The index of the class that each label names, -1 for a name that is none."""
    known = {name: index for index, name in enumerate(classes)}
    return np.array([known.get(label.strip(), UNKNOWN_CLASS) for label in labels], np.int64)


def require_shape(given: Sequence[int], layout: BatchLayout, file: str) -> None:
    """Raise MalformedFile unless rows of this shape have the features of the data set."""
    if prod(given) != layout.features:
        wrong = f"has rows of the shape {tuple(given)}"
        raise MalformedFile(file, wrong, f"the data set has {layout.features:,} features")
