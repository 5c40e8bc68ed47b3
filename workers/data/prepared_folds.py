"""Prepared folds: one copy of the open rows of a data set, and for each fold the places of its parts in it.

A copy of each fold, as `prepared_splits` writes of a single split, would take J times the data set. A worker maps the
copy, and takes the rows of its fold into memory. The copy has no test row.
"""

import hashlib
from pathlib import Path

import numpy as np

from workers.data.dataset import Dataset, Indices
from workers.data.dataset_files import atomic_folder, drop_pages, open_dataset, save_dataset, write_atomically

OPEN_ROWS = "open.txt"
"""The file in the folder of a fold that names the folder of the open rows, beside it."""


def write_open_rows(dataset: Dataset, rows: Indices, folder: Path) -> Path:
    """Write the open rows of a data set into a folder in `folder`, once. Returns that folder."""
    name = f"open-{hashlib.sha256(np.ascontiguousarray(rows, '<i8').tobytes()).hexdigest()[:40]}"
    if not (folder / name).is_dir():
        with atomic_folder(folder / name) as draft:
            save_dataset(dataset, draft, rows)
            np.save(draft / "rows.npy", rows, allow_pickle=False)
            drop_pages(dataset)
    return folder / name


def open_rows_of(folder: Path) -> Path:
    """The folder of the open rows that a fold is of."""
    return folder.parent / (folder / OPEN_ROWS).read_text()


def write_fold(open_rows: Path, parts: dict[str, Indices], counts: str, folder: Path) -> None:
    """Write the parts of a fold, ascending indices into the data set: a whole folder or none."""
    rows = np.load(open_rows / "rows.npy", allow_pickle=False)
    with atomic_folder(folder) as draft:
        for part, indices in parts.items():
            places = np.searchsorted(rows, indices).astype(np.uint32)
            np.save(draft / f"{part}.npy", places, allow_pickle=False)
        (draft / OPEN_ROWS).write_text(open_rows.name)
        write_atomically(draft / "counts.json", counts)


def is_fold(folder: Path) -> bool:
    """Whether a folder is that of a fold."""
    return (folder / OPEN_ROWS).exists()


def read_part(folder: Path, part: str) -> Dataset:
    """One part of a fold, its rows in the order of the data set, in memory."""
    dataset = open_dataset(open_rows_of(folder))
    taken = dataset.take(np.load(folder / f"{part}.npy", allow_pickle=False).astype(np.int64))
    drop_pages(dataset)
    return taken


def read_rows(folder: Path, part: str) -> Indices:
    """The index (n,) of each row of a part in the data set that was split."""
    open_rows = np.load(open_rows_of(folder) / "rows.npy", allow_pickle=False)
    rows: Indices = open_rows[np.load(folder / f"{part}.npy", allow_pickle=False)]
    return rows
