"""NPZ: arrays as numpy.savez writes them. Their headers are checked first; then they are copied chunk by chunk."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset, Features, Labels
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.feature_writer import CHUNK_VALUES, FeatureWriter, NotFinite, Offset, require_size
from workers.data.formats.format import MOST_FEATURES, Format
from workers.data.formats.labels import InvalidLabel, LabelEncoder
from workers.data.formats.npy import SAVE_AS_NUMBERS, Header, read_header
from workers.data.formats.zip_reader import open_zip
from workers.data.precision import PrecisionLost
from workers.data.sources.source import Contents
from workers.data.tables.class_names import LONGEST_NAME
from workers.nn.arrays import Shape
from workers.tagged_union import variant

LAYOUTS = (
    ("features", "labels", "test_features", "test_labels"),
    ("x", "y", "x_test", "y_test"),
    ("x_train", "y_train", "x_test", "y_test"),
)
"""Names of the arrays: features and labels, then those of the official test part, which are optional."""
COPY_BYTES = 2**18


@variant
class NPZ(Format):
    """Arrays as numpy.savez writes them: features and labels, or x and y, or x_train and y_train.

    Features are (n, d), or images (n, height, width) or (n, height, width, channels); labels (n,) are whole
    numbers or texts. x_test and y_test (or test_features, test_labels) are the official test part. Nothing is
    ever unpickled.
    Source: NumPy Enhancement Proposal 1, A simple file format for NumPy arrays.
    """

    name: Literal["npz"] = "npz"

    def unpacked_bytes(self, folder: Path) -> int:
        with open_zip(folder / "file", f"{folder.name}.npz") as archive:
            return sum(member.file_size for member in archive.infolist())

    def read(self, folder: Path) -> Contents:
        file = f"{folder.name}.npz"
        with open_zip(folder / "file", file) as archive:
            layout = _layout(archive, file)
            arrays = [_read_array(archive, name, file) for name in layout]
            pairs = [_Pair(*arrays[place : place + 2]) for place in range(0, len(arrays), 2)]
            for pair in pairs:
                pair.require_same_shape(pairs[0])
            return Contents(*_datasets(pairs, folder))


def _layout(archive: ZipFile, file: str) -> tuple[str, ...]:
    """The names of the arrays in the archive, in the order of the layout that they match."""
    there = [name.removesuffix(".npy") for name in archive.namelist()]
    for layout in LAYOUTS:
        for names in (layout[:2], layout):
            if set(there) == set(names):
                return names
    found = ", ".join(ascii(name[:40]) for name in there) or "nothing"
    right = "; or ".join(f"{a} and {b} (with {c} and {d}, or without)" for a, b, c, d in LAYOUTS)
    raise MalformedFile(file, f"holds {found}", f"it should hold {right}")


@dataclass(frozen=True)
class _Array:
    """One array of the archive; only its header has been read."""

    archive: ZipFile
    name: str
    file: str
    header: Header

    def copy_to(self, path: Path) -> NDArray[Any]:
        """Copy the array to a file of its own and map it. Copying also verifies its checksum."""
        with self.archive.open(f"{self.name}.npy") as member, path.open("wb") as copy:
            member.read(self.header.offset)
            copyfileobj(member, copy, COPY_BYTES)
        order: Literal["C", "F"] = "F" if self.header.fortran_order else "C"
        mapped = np.memmap(path, self.header.dtype, "r", shape=self.header.shape, order=order)
        return np.asarray(mapped)


def _read_array(archive: ZipFile, name: str, file: str) -> _Array:
    where = f"{file}: {name}"
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        header = read_header(member, where)
    if 0 in header.shape or not header.shape:
        raise MalformedFile(where, f"has the shape {header.shape}", "it holds a row at least")
    if header.size != info.file_size:
        wrong = f"declares {header.size:,} bytes, and {info.file_size:,} are there"
        raise MalformedFile(where, wrong, SAVE_AS_NUMBERS)
    return _Array(archive, name, where, header)


@dataclass(frozen=True)
class _Pair:
    """Features and their labels."""

    features: _Array
    labels: _Array

    def __post_init__(self) -> None:
        features, labels = self.features.header, self.labels.header
        if features.dtype.kind not in "biuf" or len(features.shape) < 2:
            wrong = f"has the type {features.dtype} and the shape {features.shape}"
            right = (
                "features are numbers, (n, d) or images (n, height, width) or (n, height, width, channels)"
            )
            raise MalformedFile(self.features.file, wrong, right)
        if labels.dtype.kind not in "biuU" or labels.shape not in ((labels.shape[0],), (labels.shape[0], 1)):
            wrong = f"has the type {labels.dtype} and the shape {labels.shape}"
            raise MalformedFile(self.labels.file, wrong, "labels are whole numbers or texts, (n,)")
        if labels.dtype.itemsize > 4 * LONGEST_NAME:
            right = f"a class is named by at most {LONGEST_NAME} characters"
            raise FileTooLarge(self.labels.file, f"has the type {labels.dtype}", right)
        if features.shape[0] != labels.shape[0]:
            wrong = f"has {labels.shape[0]:,} labels for {features.shape[0]:,} rows"
            raise MalformedFile(self.labels.file, wrong, "each row needs one")
        if self.columns > MOST_FEATURES:
            right = f"at most {MOST_FEATURES:,} are read"
            raise FileTooLarge(self.features.file, f"has {self.columns:,} features", right)
        stored = np.uint8 if features.dtype.itemsize == 1 else np.float32
        require_size(features.values, stored, self.features.file)

    @property
    def columns(self) -> int:
        return prod(self.features.header.shape[1:])

    @property
    def image_shape(self) -> Shape | None:
        match self.features.header.shape[1:]:
            case (height, width):
                return height, width, 1
            case (height, width, channels):
                return height, width, channels
        return None

    def require_same_shape(self, other: "_Pair") -> None:
        given, right = self.features.header.shape[1:], other.features.header.shape[1:]
        if given != right:
            wrong = f"has rows of the shape {given}"
            raise MalformedFile(self.features.file, wrong, f"those of {other.features.name} are {right}")


def _datasets(pairs: list[_Pair], folder: Path) -> list[Dataset]:
    """A data set for each pair, all with the classes of the first. Labels are read first: they are smaller."""
    coded = [_labels(pair.labels, folder) for pair in pairs]
    classes = coded[0][1]
    if len(classes) < 2:
        found = f"has one class, {classes[0]!r}"
        raise MalformedFile(pairs[0].labels.file, found, "two classes are needed")
    datasets: list[Dataset] = []
    for pair, (labels, names) in zip(pairs, coded, strict=True):
        unknown = sorted(set(names) - set(classes))
        if unknown:
            wrong = f"has labels that {pairs[0].labels.name} has not: {', '.join(map(repr, unknown[:10]))}"
            raise MalformedFile(pair.labels.file, wrong, "a class must have training rows")
        places = np.array([classes.index(name) for name in names])
        features, offset = _features(pair, folder, datasets[0] if datasets else None)
        datasets.append(Dataset(folder.name, features, places[labels], classes, pair.image_shape, offset))
    return datasets


def _labels(array: _Array, folder: Path) -> tuple[Labels, tuple[str, ...]]:
    values, encoder = array.copy_to(folder / f"{array.name}.copy").ravel(), LabelEncoder()
    for start in range(0, len(values), COPY_BYTES):
        try:
            encoder.append([str(value) for value in values[start : start + COPY_BYTES].tolist()])
        except InvalidLabel as bad:
            place = f"{array.file}[{start + bad.position:,}]"
            raise MalformedFile(place, bad.wrong, bad.right) from None
    return encoder.result()


def _features(pair: _Pair, folder: Path, training: Dataset | None) -> tuple[Features, Offset | None]:
    """The features of a pair and their offset: an official test part takes the offset of its `training` set."""
    array, columns = pair.features, pair.columns
    values = array.copy_to(folder / f"{array.name}.copy")
    step = max(1, CHUNK_VALUES // columns)
    with FeatureWriter(folder / f"{array.name}.features", array.file) as writer:
        for start in range(0, len(values), step):
            chunk = values[start : start + step]
            try:
                writer.append(chunk)
            except NotFinite as bad:
                row, *place = (int(each) for each in np.unravel_index(bad.position, chunk.shape))
                index = ", ".join(map(str, [start + row, *place]))
                right = "features are finite numbers that a float32 holds"
                raise MalformedFile(f"{array.file}[{index}]", f"is {chunk[row, *place]}", right) from None
        try:
            return writer.features(columns, training.offset if training else None), writer.offset
        except PrecisionLost as bad:
            raise MalformedFile(f"{array.file}[:, {bad.column}]", bad.wrong, bad.right) from None
