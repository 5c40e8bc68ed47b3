import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.datasets.previews import (
    GAP,
    IMAGES,
    MAX_CLASSES,
    SIDE,
    NoPicture,
    NoTable,
    first_open_rows,
    open_rows,
    picture,
    preview,
)
from service.datasets.table_preview import answers_of, cells_of, columns_of
from service.png import Pixels, png
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.row_digests import row_digests
from workers.data.sealed_rows import seal
from workers.nn.arrays import Shape


def pixels_of(picture: bytes) -> Pixels:
    """Decode a grey or colour PNG, and verify every checksum. Source: RFC 2083."""
    assert picture[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])
    chunks, place = {}, 8
    while place < len(picture):
        (size,) = struct.unpack_from(">I", picture, place)
        kind, content = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", picture, place + 8 + size) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        place += size + 12
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: (), 2: (3,)}[colour]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, *channels)


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_png_decodes_to_its_pixels(height: int, width: int, colour: bool, seed: int) -> None:
    size = (height, width, 3) if colour else (height, width)
    pixels = np.random.default_rng(seed).integers(256, size=size, dtype=np.uint8)
    assert np.array_equal(pixels_of(png(pixels)), pixels)


def images(labels: list[int], shape: Shape, dtype: type = np.uint8) -> Dataset:
    """A data set in which each image is filled with the number of its row."""
    features: NDArray[Any] = (
        np.repeat(np.arange(len(labels)), np.prod(shape)).reshape(len(labels), -1).astype(dtype)
    )
    classes = tuple(map(str, range(max(labels) + 1)))
    return Dataset("mine", features, np.array(labels), classes, shape)


def sheet_of(dataset: Dataset) -> Pixels:
    return preview(dataset, row_digests(dataset))


def test_each_class_has_its_row_in_the_order_of_the_data_set() -> None:
    dataset = images([0, 1] * 8, (SIDE, SIDE, 1))
    dataset = dataset.take(np.array([1, 0, *range(2, 16)]))
    rows = [each.tolist() for each in open_rows(dataset, row_digests(dataset))]
    numbers = [[int(dataset.features[row][0]) for row in of_class] for of_class in rows]
    assert all(0 < len(of_class) < 8 and of_class == sorted(of_class) for of_class in rows)
    low, high = min(map(min, numbers)), max(map(max, numbers))
    sheet = sheet_of(dataset)
    assert sheet.shape == (2 * (SIDE + GAP) + GAP, IMAGES * (SIDE + GAP) + GAP)
    middles = sheet[GAP + SIDE // 2 :: SIDE + GAP, GAP + SIDE // 2 :: SIDE + GAP]
    for found, row in zip(middles, numbers, strict=True):
        expected = [255 * (each - low) / (high - low) for each in row]
        assert found[: len(row)].tolist() == pytest.approx(expected, abs=1)
        assert (found[len(row) :] == 255).all()


@pytest.mark.parametrize("labels", [[0] * 7 + [1] * 90, [0, 1, 1, 2, 2, 2], [0] * 40])
@pytest.mark.parametrize("share", ["1/100", "1/10", "1/3", "1/2"])
def test_no_preview_has_a_row_that_a_test_part_of_up_to_a_half_seals(labels: list[int], share: str) -> None:
    dataset = replace(images(labels, (1, 1, 1)), shape=None)
    digests = row_digests(dataset)
    sealed = seal(dataset.labels, digests, len(dataset.classes), Fraction(share)).test
    shown = open_rows(dataset, digests)
    assert not set(sealed.tolist()) & set(np.concatenate(shown).tolist())
    assert all(set(dataset.labels[rows].tolist()) <= {k} for k, rows in enumerate(shown))
    assert all(len(rows) for rows, count in zip(shown, dataset.counts, strict=True) if count > 1)
    first = first_open_rows(dataset, digests, 5)
    assert set(first.tolist()) <= set(np.concatenate(shown).tolist())
    assert len(first) == min(5, sum(map(len, shown)))
    assert len(set(dataset.labels[first].tolist())) == sum(len(rows) > 0 for rows in shown)


def test_a_picture_reaches_from_black_to_white() -> None:
    shown = picture(np.array([3, 5, 4, 3], np.uint8), (2, 2, 1))
    assert shown.shape == (SIDE, SIDE)
    assert (shown[0, 0], shown[0, -1], shown[-1, 0], shown[-1, -1]) == (0, 255, 127, 0)
    assert not picture(np.zeros(4, np.float32), (2, 2, 1)).any()


def test_cells_are_what_the_file_had() -> None:
    columns = (
        Column("a"),
        Column("b", "category", ("x", "y")),
        Column("c", "date"),
        Column("d", "boolean", ("no", "yes")),
    )
    features = np.array([[1.5, 1, 19874, 0], [np.nan, np.nan, 19874.5, 1]], np.float32)
    dataset = Dataset("mine", features, np.array([0, 1]), ("p", "q"), columns=columns)
    rows = np.array([0, 1])
    assert cells_of(dataset, rows) == [
        [1.5, "y", "2024-05-31", "no"],
        [None, None, "2024-05-31T12:00:00", "yes"],
    ]
    assert answers_of(dataset, rows) == ["p", "q"]
    offset = np.array([1e9, 0, 0, 0])
    moved = replace(dataset, offset=offset, columns=None, targets=np.array([0.5, 2.0]))
    assert cells_of(moved, rows)[0][0] == 1_000_000_001.5
    assert answers_of(moved, rows) == [0.5, 2.0]
    assert [column.name for column in columns_of(moved)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("shape", "side"), [((8, 8, 1), 56), ((28, 28, 1), 56), ((28, 14, 1), 56), ((500, 400, 3), 56)]
)
def test_images_of_any_size_are_scaled_to_about_the_same(shape: Shape, side: int) -> None:
    sheet = sheet_of(images([0, 1], shape))
    height = (sheet.shape[0] - GAP) // 2 - GAP
    assert 0.9 * side <= height <= side
    assert (sheet.shape[2:] == (3,)) == (shape[2] == 3)


def test_only_the_first_of_many_images_and_classes_are_shown() -> None:
    sheet = sheet_of(images(list(range(MAX_CLASSES + 5)) + [0] * 100, (2, 2, 5), np.float32))
    assert sheet.shape[0] == MAX_CLASSES * (SIDE + GAP) + GAP


def test_equal_images_have_a_preview() -> None:
    assert sheet_of(images([0], (4, 4, 1))).shape[0] == SIDE + 2 * GAP


def test_a_table_has_no_picture() -> None:
    with pytest.raises(NoPicture, match="'mine' is a table"):
        sheet_of(Dataset("mine", np.zeros((2, 4), np.float32), np.arange(2), ("a", "b")))
    with pytest.raises(NoTable, match="'mine' has images"):
        first_open_rows(images([0, 1], (1, 1, 1)), np.arange(2, dtype=np.uint64), 5)
