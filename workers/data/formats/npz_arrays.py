"""The arrays of an archive: each by its header first, in pairs of features and labels that fit each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.feature_writer import require_size
from workers.data.formats.format import MOST_FEATURES
from workers.data.formats.labels import InvalidLabel
from workers.data.formats.npy import SAVE_AS_NUMBERS, ArrayHeader, read_header
from workers.data.tables.class_names import LONGEST_NAME
from workers.nn.arrays import Shape

CHUNK_BYTES = 2**18
CHANNEL_COUNTS = (1, 3, 4)
LABELS_RIGHT = "labels are whole numbers or texts, (n,)"


@dataclass(frozen=True)
class NpyArray:
    """One array of the archive; only its header has been read."""

    archive: ZipFile
    name: str
    file: str
    header: ArrayHeader

    def copy_to(self, path: Path) -> NDArray[Any]:
        """Copy the array to a file of its own and map it. Copying also verifies its checksum."""
        with self.archive.open(f"{self.name}.npy") as member, path.open("wb") as copy:
            member.read(self.header.offset)
            copyfileobj(member, copy, CHUNK_BYTES)
        order: Literal["C", "F"] = "F" if self.header.fortran_order else "C"
        mapped = np.memmap(path, self.header.dtype, "r", shape=self.header.shape, order=order)
        return np.asarray(mapped)


def read_array(archive: ZipFile, name: str, file: str) -> NpyArray:
    where = f"{file}: {name}"
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        header = read_header(member, where)
    if 0 in header.shape or not header.shape:
        raise MalformedFile(where, f"has the shape {header.shape}", "it holds a row at least")
    if header.size != info.file_size:
        wrong = f"declares {header.size:,} bytes, and {info.file_size:,} are there"
        raise MalformedFile(where, wrong, SAVE_AS_NUMBERS)
    return NpyArray(archive, name, where, header)


@dataclass(frozen=True)
class ArrayPair:
    """Features and their labels."""

    features: NpyArray
    labels: NpyArray
    channels: Literal["first", "last"] | None = None

    def __post_init__(self) -> None:
        features, labels = self.features.header, self.labels.header
        if features.dtype.kind not in "biuf" or len(features.shape) < 2:
            wrong = f"has the type {features.dtype} and the shape {features.shape}"
            right = (
                "features are numbers, (n, d) or images (n, height, width) or (n, height, width, channels)"
            )
            raise MalformedFile(self.features.file, wrong, right)
        self._require_labels()
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
    def has_channels_first(self) -> bool:
        """Whether the field says so, or else the shape: 1 x 28 x 28 and not 28 x 28 x 3."""
        shape = self.features.header.shape
        if len(shape) != 4 or self.channels is not None:
            return len(shape) == 4 and self.channels == "first"
        return shape[1] in CHANNEL_COUNTS and min(shape[2:]) > max(CHANNEL_COUNTS)

    @property
    def image_shape(self) -> Shape | None:
        match self.features.header.shape[1:]:
            case (height, width):
                return height, width, 1
            case (channels, height, width) if self.has_channels_first:
                return height, width, channels
            case (height, width, channels):
                return height, width, channels
        return None

    def channels_last(self, values: NDArray[Any]) -> NDArray[Any]:
        """A view of the features with the channels as the last dimension."""
        return np.moveaxis(values, 1, -1) if self.has_channels_first else values

    def original(self, place: Sequence[int]) -> list[int]:
        """The place of a value within its row as the array has it."""
        return [place[-1], *place[:-1]] if self.has_channels_first else list(place)

    def require_same_shape(self, other: "ArrayPair") -> None:
        given, right = self.features.header.shape[1:], other.features.header.shape[1:]
        if given != right:
            wrong = f"has rows of the shape {given}"
            raise MalformedFile(self.features.file, wrong, f"those of {other.features.name} are {right}")

    def _require_labels(self) -> None:
        labels = self.labels.header
        if labels.dtype.kind not in "biufUS" or labels.shape not in (
            (labels.shape[0],),
            (labels.shape[0], 1),
        ):
            wrong = f"has the type {labels.dtype} and the shape {labels.shape}"
            is_one_hot = len(labels.shape) == 2 and labels.dtype.kind in "biuf"
            hint = "; of one-hot rows, save y.argmax(axis=1)" if is_one_hot else ""
            raise MalformedFile(self.labels.file, wrong, f"{LABELS_RIGHT}{hint}")
        if labels.dtype.kind in "US" and labels.dtype.itemsize > 4 * LONGEST_NAME:
            right = f"a class is named by at most {LONGEST_NAME} characters"
            raise FileTooLarge(self.labels.file, f"has the type {labels.dtype}", right)


def class_names(values: NDArray[Any]) -> list[str]:
    """The labels (n,) as texts: whole numbers without a fraction, bytes as UTF-8. Raises InvalidLabel."""
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)
        if not whole.all():
            position = int(np.argmin(whole))
            right = f"{LABELS_RIGHT}; a number to predict goes into a table (csv, parquet)"
            raise InvalidLabel(position, f"is {values[position]}", right)
        return [str(int(value)) for value in values.tolist()]
    if values.dtype.kind == "S":
        return [_decoded(value, position) for position, value in enumerate(values.tolist())]
    return [str(value) for value in values.tolist()]


def _decoded(value: bytes, position: int) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidLabel(position, f"is {value[:40]!r}, which is not UTF-8", "save texts as str") from None
