"""The parts of a split on disk: train and validation, contiguous and memory-mapped; never the test part."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from workers.data.dataset import Dataset, Indices
from workers.data.dataset_files import let_go, open_dataset, save_dataset, whole_folder, write_whole
from workers.data.imbalance import Imbalance
from workers.data.splits import Part, Rows, Split, split_rows

Counts = Mapping[Part, list[int]]
"""Rows of each class, for each part."""

VERSION = 1
"""Of the way rows are chosen: raise it when the same split would choose others."""


@dataclass(frozen=True)
class PreparedParts:
    """A folder with the train and validation part of one split. Who is given it can see no test row."""

    folder: Path
    counts: Counts

    def read(self, part: Literal["train", "validation"]) -> Dataset:
        """One part, memory-mapped, its rows in the order of the data set."""
        return read_part(self.folder, part)


def parts_key(sha256: str, split: Split, imbalance: Imbalance | None) -> str:
    """What names a folder of parts: the hash of the data set's content, the split and the thinning."""
    chosen = {
        "version": VERSION,
        "dataset": sha256,
        "split": asdict(split),
        "imbalance": imbalance and asdict(imbalance),
    }
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


def write_parts(dataset: Dataset, rows: Rows, folder: Path) -> PreparedParts:
    """Write train and validation rows, and the class counts of every part: a whole folder or none."""
    counts = part_counts(dataset, rows)
    with whole_folder(folder) as draft:
        save_dataset(dataset, draft / "train", rows.train)
        save_dataset(dataset, draft / "validation", rows.validation)
        let_go(dataset)
        write_whole(draft / "counts.json", json.dumps(counts))
    return PreparedParts(folder, counts)


def open_parts(folder: Path) -> PreparedParts | None:
    """The parts in `folder`, or None where nothing has been written."""
    try:
        counts = json.loads((folder / "counts.json").read_text())
    except FileNotFoundError:
        return None
    return PreparedParts(folder, counts)


def read_part(folder: Path, part: Literal["train", "validation"]) -> Dataset:
    """One part of a folder that `write_parts` wrote, memory-mapped."""
    return open_dataset(folder / part)


def part_counts(dataset: Dataset, rows: Rows) -> Counts:
    """Rows of each class in each part."""
    classes = len(dataset.classes)
    indices: dict[Part, Indices] = {"train": rows.train, "validation": rows.validation, "test": rows.test}
    return {
        part: np.bincount(dataset.labels[of_part], minlength=classes).tolist()
        for part, of_part in indices.items()
    }


def held_back(dataset: Dataset, split: Split, imbalance: Imbalance | None) -> Dataset:
    """The held-back rows of a split, copied out of the data set: for a test evaluation and nothing else."""
    return dataset.take(split_rows(dataset.labels, dataset.classes, split, imbalance).test)
