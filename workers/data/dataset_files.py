"""Data sets as files: written completely or not at all, and read back memory-mapped."""

import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Dataset, Features, Labels, Targets
from workers.nn.arrays import Integers

CHUNK_BYTES = 16 * 2**20


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `target` in one step when the block ends without an error.

    If several processes write the same one, the first wins and the work of the others is dropped.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        yield draft
        _publish(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_atomically(target: Path, text: str) -> None:
    """Write a text file in one step: a reader sees the old text or the new one, never a mixture."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".draft-", dir=target.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(target)


def save_dataset(dataset: Dataset, folder: Path, rows: Integers | None = None) -> None:
    """Write `rows` of a data set, or all, into a new `folder`: features.npy, labels.npy, meta.json.

    And targets.npy if it has targets.
    """
    rows = np.arange(len(dataset)) if rows is None else rows
    folder.mkdir(exist_ok=True)
    _save_rows(folder / "features.npy", dataset.features, rows)
    _save_rows(folder / "labels.npy", dataset.labels, rows)
    if dataset.targets is not None:
        _save_rows(folder / "targets.npy", dataset.targets, rows)
    meta: dict[str, Any] = {"name": dataset.name, "classes": dataset.classes, "shape": dataset.shape}
    if dataset.offset is not None:
        meta["offset"] = dataset.offset.tolist()
    if dataset.columns is not None:
        meta["columns"] = [column.to_json() for column in dataset.columns]
    write_atomically(folder / "meta.json", json.dumps(meta))


def open_dataset(folder: Path, name: str | None = None) -> Dataset:
    """The data set in a folder; its features are memory-mapped, so that many processes share one copy."""
    meta = json.loads((folder / "meta.json").read_text())
    columns, targets = meta.get("columns"), folder / "targets.npy"
    return Dataset(
        name=name or meta["name"],
        features=np.asarray(np.load(folder / "features.npy", mmap_mode="r", allow_pickle=False)),
        labels=np.load(folder / "labels.npy", allow_pickle=False),
        classes=tuple(meta["classes"]),
        shape=meta["shape"] and tuple(meta["shape"]),
        offset=np.array(meta["offset"], np.float64) if "offset" in meta else None,
        columns=columns and tuple(map(Column.from_json, columns)),
        targets=np.load(targets, allow_pickle=False) if targets.exists() else None,
    )


def drop_pages(dataset: Dataset) -> None:
    """Drop the pages of a memory-mapped data set from this process's memory.

    The next access reads them again, from the kernel's cache or from the disk.
    """
    base: object = dataset.features
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def _save_rows(path: Path, array: Features | Labels | Targets, rows: Integers) -> None:
    # Written rather than memory-mapped: on a full disk a write raises OSError, but a memory map ends the process.
    header = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": (len(rows), *array.shape[1:]),
    }
    step = max(1, CHUNK_BYTES // max(1, array[:1].nbytes))
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(rows), step):
            file.write(array[rows[start : start + step]].data)
        file.flush()
        os.fsync(file.fileno())


def _publish(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
