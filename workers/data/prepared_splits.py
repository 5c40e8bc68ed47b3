"""Prepared splits: the training and validation rows of a split on disk, memory-mapped. Never the test rows."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workers.data import prepared_folds
from workers.data.dataset import Dataset, Indices
from workers.data.dataset_files import atomic_folder, drop_pages, open_dataset, save_dataset, write_atomically
from workers.data.imbalance import Imbalance
from workers.data.split_rows import SplitRows
from workers.data.splits import Fold, Part, Split

OpenPart = Literal["train", "validation", "evaluation"]
"""A part that a worker may read."""
PartCounts = Mapping[Part, list[int]]
"""Rows of each class, for each part."""

ONLY_FOLD = Fold()

VERSION = 3
"""Raise it when the same split would choose other rows, or write other files."""


@dataclass(frozen=True)
class PreparedSplit:
    """A folder with the training and validation part of one split. A process that reads it can see no test row."""

    folder: Path
    counts: PartCounts

    def read(self, part: OpenPart) -> Dataset:
        """One part, its rows in the order of the data set; memory-mapped unless it is that of a fold."""
        return read_part(self.folder, part)

    def rows(self, part: OpenPart) -> Indices:
        """The index (n,) of each row of a part in the data set."""
        return read_rows(self.folder, part)


def split_key(sha256: str, split: Split, imbalance: Imbalance | None, fold: Fold = ONLY_FOLD) -> str:
    """The name of a prepared split's folder: a hash of the data set's content, the split, imbalance and fold."""
    chosen = {
        "version": VERSION,
        "dataset": sha256,
        "split": _fields(split),
        "imbalance": imbalance and asdict(imbalance),
        "fold": list(fold),
    }
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


def _fields(split: Split) -> dict[str, Any]:
    """Without a column to divide by, those of the versions that knew none: the name of a split never changes."""
    fields: dict[str, Any] = asdict(split)  # type: ignore[call-overload]
    return {name: value for name, value in fields.items() if (name, value) != ("by", None)}


def write_split(dataset: Dataset, rows: SplitRows, folder: Path) -> PreparedSplit:
    """Write the training and validation rows, and the class counts of every part: a whole folder or none."""
    counts = count_classes(dataset, rows)
    with atomic_folder(folder) as draft:
        for part, indices in (("train", rows.train), ("validation", rows.validation)):
            save_dataset(dataset, draft / part, indices)
            np.save(draft / part / "rows.npy", indices, allow_pickle=False)
        drop_pages(dataset)
        write_atomically(draft / "counts.json", json.dumps(counts))
    return PreparedSplit(folder, counts)


def write_split_of_fold(dataset: Dataset, rows: SplitRows, folder: Path) -> PreparedSplit:
    """Write the parts of a fold: the rows of all folds once, beside `folder`, and in it the places of this one's."""
    counts = count_classes(dataset, rows)
    parts: dict[str, Indices] = {
        "train": rows.train,
        "validation": rows.validation,
        "evaluation": rows.evaluation,
    }
    open_rows = prepared_folds.write_open_rows(dataset, rows.open, folder.parent)
    prepared_folds.write_fold(open_rows, parts, json.dumps(counts), folder)
    return PreparedSplit(folder, counts)


def open_split(folder: Path) -> PreparedSplit | None:
    """The prepared split in `folder`, or None if none has been written."""
    try:
        counts = json.loads((folder / "counts.json").read_text())
    except FileNotFoundError:
        return None
    return PreparedSplit(folder, counts)


def mark_used(folder: Path) -> None:
    """Note that a split is used now: its folder, and that of the open rows if it is a fold."""
    for each in (folder, prepared_folds.open_rows_of(folder) if prepared_folds.is_fold(folder) else folder):
        os.utime(each)


def remove_unused(folder: Path, seconds: float) -> int:
    """Remove the splits in `folder`/SHA256 that nobody has used for so long, and return how many.

    They are written again when they are needed. Processes that have mapped one keep its rows.
    """
    removed = 0
    for each in folder.glob("*/*/"):
        if time.time() - each.stat().st_mtime > seconds:
            aside = each.with_name(f".removed-{each.name}")
            each.rename(aside)  # first, so that nobody opens half of it
            shutil.rmtree(aside, ignore_errors=True)
            removed += 1
    return removed


def has_evaluation_part(folder: Path) -> bool:
    """Whether the rows of a folder are those of a fold, with an evaluation part."""
    return prepared_folds.is_fold(folder)


def read_part(folder: Path, part: OpenPart) -> Dataset:
    """One part of a folder that `write_split` or `write_split_of_fold` wrote."""
    if prepared_folds.is_fold(folder):
        return prepared_folds.read_part(folder, part)
    return open_dataset(folder / part)


def read_rows(folder: Path, part: OpenPart) -> Indices:
    """The index (n,) of each row of a part in the data set that was split."""
    if prepared_folds.is_fold(folder):
        return prepared_folds.read_rows(folder, part)
    rows: Indices = np.load(folder / part / "rows.npy", allow_pickle=False)
    return rows


def count_classes(dataset: Dataset, rows: SplitRows) -> PartCounts:
    """Rows of each class in each part."""
    classes = len(dataset.classes)
    parts: dict[Part, Indices] = {"train": rows.train, "validation": rows.validation, "test": rows.test}
    if len(rows.evaluation):
        parts["evaluation"] = rows.evaluation
    return {
        part: np.bincount(dataset.labels[indices], minlength=classes).tolist()
        for part, indices in parts.items()
    }
