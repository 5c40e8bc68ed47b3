import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.datasets.previews import GAP, IMAGES, MAX_CLASSES, SIDE, NoPicture, preview
from service.png import Pixels, png
from workers.data.dataset import Dataset
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


def test_each_class_has_its_row_in_the_order_of_the_data_set() -> None:
    sheet = preview(images([1, 0, 1, 0, 0], (SIDE, SIDE, 1)))
    assert sheet.shape == (2 * (SIDE + GAP) + GAP, IMAGES * (SIDE + GAP) + GAP)
    middles = sheet[GAP + SIDE // 2 :: SIDE + GAP, GAP + SIDE // 2 :: SIDE + GAP]
    rows = [[1, 3, 4], [0, 2]]
    for found, row in zip(middles, rows, strict=True):
        assert found[: len(row)].tolist() == [int(255 * each / 4) for each in row]
        assert (found[len(row) :] == 255).all()


@pytest.mark.parametrize(
    ("shape", "side"), [((8, 8, 1), 56), ((28, 28, 1), 56), ((28, 14, 1), 56), ((500, 400, 3), 56)]
)
def test_images_of_any_size_are_scaled_to_about_the_same(shape: Shape, side: int) -> None:
    sheet = preview(images([0, 1], shape))
    height = (sheet.shape[0] - GAP) // 2 - GAP
    assert 0.9 * side <= height <= side
    assert (sheet.shape[2:] == (3,)) == (shape[2] == 3)


def test_only_the_first_of_many_images_and_classes_are_shown() -> None:
    sheet = preview(images(list(range(MAX_CLASSES + 5)) + [0] * 100, (2, 2, 5), np.float32))
    assert sheet.shape[0] == MAX_CLASSES * (SIDE + GAP) + GAP


def test_equal_images_have_a_preview() -> None:
    assert preview(images([0], (4, 4, 1))).shape[0] == SIDE + 2 * GAP


def test_a_table_has_no_picture() -> None:
    with pytest.raises(NoPicture, match="'mine' is a table"):
        preview(Dataset("mine", np.zeros((2, 4), np.float32), np.arange(2), ("a", "b")))
