"""NPZ: arrays as numpy.savez writes them. Their headers are checked first; then they are copied chunk by chunk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from zipfile import ZipFile

import numpy as np
from pydantic import Field

from workers.data.dataset import Dataset, Features, Labels
from workers.data.errors import MalformedFile
from workers.data.formats.feature_writer import CHUNK_VALUES, FeatureWriter, NotFinite, Offset
from workers.data.formats.format import Format
from workers.data.formats.labels import InvalidLabel, LabelEncoder
from workers.data.formats.npz_arrays import ArrayPair, NpyArray, class_names, read_array
from workers.data.formats.npz_layout import ArchiveLayout, guessed_layout, named_layout
from workers.data.formats.room import Room
from workers.data.formats.zip_reader import open_zip
from workers.data.precision import PrecisionLost
from workers.data.sources.source import Contents
from workers.tagged_union import variant

COPY_BYTES = 2**18

ArrayName = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=200,
        description="The name of an array in the archive: features, labels, and those of the official test part.",
        examples=["arr_0"],
    ),
]
Channels = Annotated[
    Literal["first", "last"],
    Field(
        description="Whether images are (channels, height, width) or (height, width, channels); seen by their shape.",
        examples=["first"],
    ),
]


@variant
class NPZ(Format):
    """Arrays as numpy.savez writes them: features and labels, x and y, X_train and y_train, train_images and
    train_labels, and the like; or those that the form fields `x` and `y` name.

    Features are (n, d), or images (n, height, width), (n, height, width, channels) or (n, channels, height, width);
    labels (n,) are whole numbers or texts. Test arrays (`x_test`, `y_test`) are the official test part; validation
    arrays are rows like those for training. Nothing is ever unpickled.
    Source: NumPy Enhancement Proposal 1, A simple file format for NumPy arrays.
    """

    name: Literal["npz"] = "npz"
    x: ArrayName | None = None
    y: ArrayName | None = None
    x_test: ArrayName | None = None
    y_test: ArrayName | None = None
    channels: Channels | None = None

    def unpack(self, folder: Path, room: Room) -> None:
        with open_zip(folder / "file", f"{folder.name}.npz") as archive:
            room.require(sum(member.file_size for member in archive.infolist()))

    def read(self, folder: Path) -> Contents:
        file = f"{folder.name}.npz"
        with open_zip(folder / "file", file) as archive:
            layout = self._layout(archive, file)
            pairs = [
                ArrayPair(
                    read_array(archive, names.features, file),
                    read_array(archive, names.labels, file),
                    self.channels,
                )
                for names in layout.pairs
            ]
            for pair in pairs:
                pair.require_same_shape(pairs[0])
            return Contents(*_datasets(pairs, folder, len(layout.rows)))

    def _layout(self, archive: ZipFile, file: str) -> ArchiveLayout:
        there = [name.removesuffix(".npy") for name in archive.namelist()]
        given = (self.x, self.y, self.x_test, self.y_test)
        return guessed_layout(there, file) if not any(given) else named_layout(there, given, file)


def _datasets(pairs: Sequence[ArrayPair], folder: Path, rows: int) -> list[Dataset]:
    """A data set of the first pairs, so many as `rows`, one after the other; and one of the official test part.

    Labels are read first: they are smaller.
    """
    parts = [each for each in (pairs[:rows], pairs[rows:]) if each]
    coded = [_labels([pair.labels for pair in part], folder) for part in parts]
    classes = coded[0][1]
    if len(classes) < 2:
        found = f"has one class, {classes[0]!r}"
        raise MalformedFile(pairs[0].labels.file, found, "two classes are needed")
    datasets: list[Dataset] = []
    for part, (labels, names) in zip(parts, coded, strict=True):
        unknown = sorted(set(names) - set(classes))
        if unknown:
            wrong = f"has labels that {pairs[0].labels.name} has not: {', '.join(map(repr, unknown[:10]))}"
            raise MalformedFile(part[0].labels.file, wrong, "a class must have training rows")
        places = np.array([classes.index(name) for name in names])
        features, offset = _features(part, folder, datasets[0] if datasets else None)
        shape = part[0].image_shape
        datasets.append(Dataset(folder.name, features, places[labels], classes, shape, offset))
    return datasets


def _labels(arrays: Sequence[NpyArray], folder: Path) -> tuple[Labels, tuple[str, ...]]:
    encoder = LabelEncoder()
    for array in arrays:
        values = array.copy_to(folder / "labels.copy").ravel()
        for start in range(0, len(values), COPY_BYTES):
            try:
                encoder.append(class_names(values[start : start + COPY_BYTES]))
            except InvalidLabel as bad:
                place = f"{array.file}[{start + bad.position:,}]"
                raise MalformedFile(place, bad.wrong, bad.right) from None
    return encoder.result()


def _features(
    pairs: Sequence[ArrayPair], folder: Path, training: Dataset | None
) -> tuple[Features, Offset | None]:
    """The features of pairs and their offset: an official test part takes the offset of its `training` set."""
    array, columns = pairs[0].features, pairs[0].columns
    written = folder / ("test.features" if training else "features")
    with FeatureWriter(written, array.file) as writer:
        for pair in pairs:
            _append(pair, folder, writer)
        try:
            return writer.features(columns, training.offset if training else None), writer.offset
        except PrecisionLost as bad:
            raise MalformedFile(f"{array.file}[:, {bad.column}]", bad.wrong, bad.right) from None


def _append(pair: ArrayPair, folder: Path, writer: FeatureWriter) -> None:
    values = pair.channels_last(pair.features.copy_to(folder / "features.copy"))
    step = max(1, CHUNK_VALUES // pair.columns)
    for start in range(0, len(values), step):
        chunk = values[start : start + step]
        try:
            writer.append(chunk)
        except NotFinite as bad:
            row, *place = (int(each) for each in np.unravel_index(bad.position, chunk.shape))
            index = ", ".join(map(str, [start + row, *pair.original(place)]))
            right = "features are finite numbers that a float32 holds"
            raise MalformedFile(f"{pair.features.file}[{index}]", f"is {chunk[row, *place]}", right) from None
