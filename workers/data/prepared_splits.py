"""The parts of a split on disk: train and validation, contiguous and memory-mapped; never the test part."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from workers.data.dataset import Dataset, Indices
from workers.data.dataset_files import atomic_folder, drop_pages, open_dataset, save_dataset, write_atomically
from workers.data.imbalance import Imbalance
from workers.data.splits import Part, Split, SplitRows, split_rows

PartCounts = Mapping[Part, list[int]]
"""Rows of each class, for each part."""

VERSION = 1
"""Of the way rows are chosen: raise it when the same split would choose others."""


@dataclass(frozen=True)
class PreparedSplit:
    """A folder with the train and validation part of one split. Who is given it can see no test row."""

    folder: Path
    counts: PartCounts

    def read(self, part: Literal["train", "validation"]) -> Dataset:
        """One part, memory-mapped, its rows in the order of the data set."""
        return read_part(self.folder, part)


def split_key(sha256: str, split: Split, imbalance: Imbalance | None) -> str:
    """What names a folder of parts: the hash of the data set's content, the split and the thinning."""
    chosen = {
        "version": VERSION,
        "dataset": sha256,
        "split": asdict(split),
        "imbalance": imbalance and asdict(imbalance),
    }
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


def write_split(dataset: Dataset, rows: SplitRows, folder: Path) -> PreparedSplit:
    """Write train and validation rows, and the class counts of every part: a whole folder or none."""
    counts = count_classes(dataset, rows)
    with atomic_folder(folder) as draft:
        save_dataset(dataset, draft / "train", rows.train)
        save_dataset(dataset, draft / "validation", rows.validation)
        drop_pages(dataset)
        write_atomically(draft / "counts.json", json.dumps(counts))
    return PreparedSplit(folder, counts)


def open_split(folder: Path) -> PreparedSplit | None:
    """The parts in `folder`, or None where nothing has been written."""
    try:
        counts = json.loads((folder / "counts.json").read_text())
    except FileNotFoundError:
        return None
    return PreparedSplit(folder, counts)


def read_part(folder: Path, part: Literal["train", "validation"]) -> Dataset:
    """One part of a folder that `write_split` wrote, memory-mapped."""
    return open_dataset(folder / part)


def count_classes(dataset: Dataset, rows: SplitRows) -> PartCounts:
    """Rows of each class in each part."""
    classes = len(dataset.classes)
    indices: dict[Part, Indices] = {"train": rows.train, "validation": rows.validation, "test": rows.test}
    return {
        part: np.bincount(dataset.labels[of_part], minlength=classes).tolist()
        for part, of_part in indices.items()
    }


def take_test_part(dataset: Dataset, split: Split, imbalance: Imbalance | None) -> Dataset:
    """The held-back rows of a split, copied out of the data set: for a test evaluation and nothing else."""
    return dataset.take(split_rows(dataset.labels, dataset.classes, split, imbalance).test)
