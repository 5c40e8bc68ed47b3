"""IDX files of every type, and labels in two dimensions."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.data.idx_files import idx_bytes, images_of
from workers.data.errors import MalformedFile
from workers.data.formats import IDX
from workers.data.sources import Contents
from workers.data.sources.idx_reader import TYPES

IMAGES = images_of([0] * 6)
LABELS = np.array([3, 1, 2, 3, 1, 2], np.uint8)


def typed_bytes(array: Any, kind: int) -> bytes:
    """An IDX file of the type with this number."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    values: bytes = array.astype(TYPES[kind]).tobytes()
    return struct.pack(">HBB", 0, kind, array.ndim) + sizes + values


def read(folder: Path, images: bytes, labels: bytes) -> Contents:
    (folder / "images").write_bytes(images)
    (folder / "labels").write_bytes(labels)
    return IDX().read(folder)


@pytest.mark.parametrize("kind", [8, 11, 12, 13, 14])
def test_values_of_every_type_are_read(tmp_path: Path, kind: int) -> None:
    dataset = read(tmp_path, typed_bytes(IMAGES, kind), typed_bytes(LABELS, kind)).dataset
    assert np.array_equal(dataset.features, IMAGES.reshape(6, -1))
    assert dataset.features.dtype == np.uint8
    assert dataset.classes == ("1", "2", "3")  # from 1 on, and no empty class 0
    assert dataset.labels.tolist() == [2, 0, 1, 2, 0, 1]


@pytest.mark.parametrize(("kind", "factor"), [(9, -0.25), (11, -100), (12, 60_000), (13, 0.5), (14, 0.25)])
def test_pixels_that_are_no_bytes_are_stored_in_single_precision(
    tmp_path: Path, kind: int, factor: float
) -> None:
    images = (IMAGES.astype(float) * factor).astype(TYPES[kind])
    dataset = read(tmp_path, typed_bytes(images, kind), idx_bytes(LABELS)).dataset
    assert dataset.features.dtype == np.float32
    assert np.array_equal(dataset.features, images.reshape(6, -1))


def test_the_first_column_of_labels_in_two_dimensions_is_the_class(tmp_path: Path) -> None:
    labels = np.c_[LABELS, np.arange(42).reshape(6, 7)]
    dataset = read(tmp_path, idx_bytes(IMAGES), typed_bytes(labels, 12)).dataset
    assert dataset.classes == ("1", "2", "3")
    assert dataset.labels.tolist() == [2, 0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (typed_bytes(np.where(IMAGES > 9, np.nan, 0), 13), idx_bytes(LABELS), "pixels that are not finite"),
        (typed_bytes(IMAGES * 1e300, 14), idx_bytes(LABELS), "single precision does not hold"),
        (
            typed_bytes(IMAGES.astype(int) * 2**22 + 1, 12),
            idx_bytes(LABELS),
            "single precision does not hold",
        ),
        (idx_bytes(IMAGES), typed_bytes(LABELS + 0.5, 13), r"\[0\] is 3.5; a label is a whole number"),
        (idx_bytes(IMAGES), typed_bytes(LABELS.astype(float) * np.nan, 13), r"\[0\] is nan"),
        (idx_bytes(IMAGES), typed_bytes(LABELS, 12)[:-1], "ends after 23 bytes"),
    ],
    ids=["NaN", "1e300", "28 bits", "fractions", "NaN as a label", "truncated"],
)
def test_values_that_cannot_be_stored_are_refused(
    tmp_path: Path, images: bytes, labels: bytes, says: str
) -> None:
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, images, labels)
