"""Reads the rows of a batch from an NPZ file: an array of features, and one of labels if there is one."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from workers.data.batch_file import BatchLayout, BatchNotes, codes_of, require_few, require_shape, write_batch
from workers.data.errors import MalformedFile
from workers.data.formats.labels import InvalidLabel
from workers.data.formats.npz_arrays import NpyArray, class_names, read_array
from workers.data.formats.npz_layout import ROLES
from workers.data.formats.zip_reader import open_zip

RIGHT = (
    "a batch is an array x (or rows, features, images), and y (or labels, targets) if the labels are known"
)


def read_npz_batch(folder: Path, layout: BatchLayout, out: Path) -> BatchNotes:
    """Read folder/file, and write its rows to `out`. Raises MalformedFile."""
    file = f"{folder.name}.npz"
    with open_zip(folder / "file", file) as archive:
        features, labels = _arrays(archive, file)
        shape = features.header.shape
        if features.header.dtype.kind not in "biuf" or len(shape) < 2:
            wrong = f"has the type {features.header.dtype} and the shape {shape}"
            raise MalformedFile(features.file, wrong, "rows are numbers, (n, d) or images (n, height, width)")
        require_shape(shape[1:], layout, features.file)
        require_few(features.file, shape[0], layout.features)
        rows = _channels_last(features.copy_to(folder / "features.copy"), layout).reshape(shape[0], -1)
        found = None if labels is None else [_labels(labels, shape[0], layout, folder)]
        if found is None and layout.needs_label:
            raise MalformedFile(file, f"has no array {layout.label!r}", RIGHT)
        exact = rows if rows.dtype == np.uint8 else rows.astype(np.float64)
        return BatchNotes(write_batch(out, [exact], found), found is not None)


def _arrays(archive: ZipFile, file: str) -> tuple[NpyArray, NpyArray | None]:
    roles: dict[str, str] = {}
    for member in archive.namelist():
        name = member.removesuffix(".npy")
        role = "features" if name.lower() == "rows" else ROLES.get(name.lower())
        if role is None or role in roles:
            raise MalformedFile(file, f"holds the array {name[:40]!a}", RIGHT)
        roles[role] = name
    if "features" not in roles:
        raise MalformedFile(file, "has no array of rows", RIGHT)
    labels = read_array(archive, roles["labels"], file) if "labels" in roles else None
    return read_array(archive, roles["features"], file), labels


def _channels_last(values: NDArray[Any], layout: BatchLayout) -> NDArray[Any]:
    """Images as the data set has them: (height, width, channels), from either order."""
    if layout.shape is None or values.ndim != 4:
        return values
    height, width, channels = layout.shape
    is_first = values.shape[1:] == (channels, height, width) != layout.shape
    return np.moveaxis(values, 1, -1) if is_first else values


def _labels(array: NpyArray, rows: int, layout: BatchLayout, folder: Path) -> NDArray[Any]:
    header = array.header
    if header.shape[0] != rows or header.values != rows or header.dtype.kind not in "biufUS":
        wrong = f"has the type {header.dtype} and the shape {header.shape}"
        raise MalformedFile(array.file, wrong, f"each of the {rows:,} rows has one label")
    values = array.copy_to(folder / "labels.copy").ravel()
    if layout.classes:
        try:
            return codes_of(class_names(values), layout.classes)
        except InvalidLabel as bad:
            raise MalformedFile(f"{array.file}[{bad.position:,}]", bad.wrong, bad.right) from None
    if values.dtype.kind not in "biuf" or not np.isfinite(values.astype(np.float64)).all():
        raise MalformedFile(array.file, f"has the type {values.dtype}", "a target is a finite number")
    return values.astype(np.float64)
