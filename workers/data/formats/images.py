"""Images: a zip file of PNG and JPEG files, in a folder for each class."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.data.dataset import Dataset, Labels
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.feature_writer import CHUNK_VALUES, FeatureWriter, require_size
from workers.data.formats.format import MOST_FEATURES, Format
from workers.data.formats.image_members import LAYOUT, ImageMember, image_members
from workers.data.formats.image_pixels import ImageFacts, facts_of, pixels_of
from workers.data.formats.labels import InvalidLabel, LabelEncoder
from workers.data.formats.room import Room
from workers.data.formats.wrappers import members_of
from workers.data.formats.zip_reader import FILES, open_zip
from workers.data.sources.source import Contents
from workers.tagged_union import variant
from workers.validation.patterns import worded

MOST_FILE_BYTES = 2**25
SHOWN_SIZES = 3

Size = Annotated[
    str,
    Field(
        strict=True,
        pattern=worded(r"^[1-9]\d{0,3}x[1-9]\d{0,3}$", "a height and a width in pixels, such as 32x32"),
        description="The height and width that all images are scaled to.",
        examples=["32x32"],
    ),
]


@variant
class Images(Format):
    """A zip file of PNG and JPEG images, in a folder for each class: CLASS/NAME.png; with train/ and test/ above the
    classes, those under test/ are the official test part.

    All have one size, or `size` scales them. They are grey if all files are, and RGB otherwise.
    Source: the Portable Network Graphics and JPEG formats.
    """

    name: Literal["images"] = "images"
    size: Size | None = None

    def unpack(self, folder: Path, room: Room) -> None:
        with open_zip(folder / "file", folder.name, FILES) as archive:
            room.require(sum(member.file_size for member in archive.infolist()))

    def read(self, folder: Path) -> Contents:
        file = f"{folder.name}.zip"
        with open_zip(folder / "file", file, FILES) as archive:
            members = image_members([member.filename for member in members_of(archive, file)], file)
            facts = self._facts(archive, members, file)
            parts = [[member for member in members if member.is_test is is_test] for is_test in (False, True)]
            labels, classes = _labels(parts, file)
            datasets = [
                _dataset(archive, part, facts, folder, labels[number], classes)
                for number, part in enumerate(parts)
                if part
            ]
            return Contents(*datasets)

    def _facts(self, archive: ZipFile, members: Sequence[ImageMember], file: str) -> ImageFacts:
        """The size and colours that all images are brought to. Raises MalformedFile if their sizes differ."""
        if not members:
            raise MalformedFile(file, "has no images", LAYOUT)
        found = [facts_of(_content(archive, member, file), _place(member, file)) for member in members]
        sizes = Counter((each.height, each.width) for each in found)
        height, width = (
            map(int, self.size.split("x")) if self.size else max(sizes, key=lambda size: sizes[size])
        )
        if len(sizes) > 1 and self.size is None:
            shown = ", ".join(f"{h} x {w} ({n:,} images)" for (h, w), n in sizes.most_common(SHOWN_SIZES))
            wrong = (
                f"has images of {len(sizes):,} sizes: {shown}{', ...' if len(sizes) > SHOWN_SIZES else ''}"
            )
            raise MalformedFile(
                file, wrong, f"the form field size={height}x{width} scales all of them to one size"
            )
        facts = ImageFacts(height, width, any(each.is_coloured for each in found))
        _require_few_values(facts, len(members), file)
        return facts


def _require_few_values(facts: ImageFacts, images: int, file: str) -> None:
    features = facts.height * facts.width * (3 if facts.is_coloured else 1)
    if features > MOST_FEATURES:
        right = f"at most {MOST_FEATURES:,} are read; the form field size=64x64 scales images"
        raise FileTooLarge(file, f"has images of {features:,} values", right)
    require_size(features * images, np.uint8, file)


def _labels(parts: Sequence[Sequence[ImageMember]], file: str) -> tuple[list[Labels], tuple[str, ...]]:
    """The labels of the training and of the official test part, and the classes, which are those of the former."""
    encoded = []
    for part in parts:
        encoder = LabelEncoder()
        try:
            encoder.append([member.label for member in part])
        except InvalidLabel as bad:
            raise MalformedFile(_place(part[bad.position], file), bad.wrong, bad.right) from None
        encoded.append(encoder.result())
    (labels, classes), (test_labels, test_classes) = encoded
    if len(classes) < 2:
        found = f"has one class, {classes[0]!r}" if classes else "has no images for training"
        raise MalformedFile(file, found, f"two classes are needed; {LAYOUT}")
    if unknown := sorted(set(test_classes) - set(classes)):
        wrong = f"has test images of {', '.join(map(repr, unknown[:10]))}, which have none for training"
        raise MalformedFile(file, wrong, "a class must have training rows")
    places = np.array([classes.index(name) for name in test_classes], np.int64)
    return [labels, places[test_labels]], classes


def _dataset(
    archive: ZipFile,
    members: Sequence[ImageMember],
    facts: ImageFacts,
    folder: Path,
    labels: Labels,
    classes: tuple[str, ...],
) -> Dataset:
    shape = facts.height, facts.width, 3 if facts.is_coloured else 1
    written = folder / ("test.features" if members[0].is_test else "features")
    with FeatureWriter(written, f"{folder.name}.zip") as writer:
        for chunk in _chunks(archive, members, facts, f"{folder.name}.zip"):
            writer.append(chunk)
        features = writer.features(int(np.prod(shape)))
    return Dataset(folder.name, features, labels, classes, shape)


def _chunks(
    archive: ZipFile, members: Sequence[ImageMember], facts: ImageFacts, file: str
) -> Iterator[NDArray[np.uint8]]:
    step = max(1, CHUNK_VALUES // (3 * facts.height * facts.width))
    for start in range(0, len(members), step):
        yield np.stack(
            [
                pixels_of(_content(archive, member, file), _place(member, file), facts)
                for member in members[start : start + step]
            ]
        )


def _content(archive: ZipFile, member: ImageMember, file: str) -> bytes:
    size = archive.getinfo(member.name).file_size
    if size > MOST_FILE_BYTES:
        right = f"at most {MOST_FILE_BYTES:,} are read"
        raise FileTooLarge(_place(member, file), f"has {size:,} bytes", right)
    return archive.read(member.name)


def _place(member: ImageMember, file: str) -> str:
    return f"{file}: {member.name[:80]!a}"
