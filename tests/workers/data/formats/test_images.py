"""Images in folders: their pixels, classes and parts; what is asked about, and what is refused within bounds."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.upload_files import changed, zipped
from tests.workers.data.formats.image_files import grey, image, two_classes
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats import Images, image_pixels
from workers.data.formats import images as images_format
from workers.data.formats.png_file import PASSES
from workers.data.formats.room import Room
from workers.data.formats.zip_reader import FILES
from workers.data.sources.source import Contents

NOISE = np.random.default_rng(0).integers(0, 256, (4, 3, 3), dtype=np.uint8)


def read(folder: Path, content: bytes, size: str | None = None) -> Contents:
    named = folder / "mine"
    named.mkdir(exist_ok=True)
    (named / "file").write_bytes(content)
    return Images(size=size).read(named)


def test_folders_are_classes_and_pixels_are_bytes(tmp_path: Path) -> None:
    dataset, official_test = read(tmp_path, two_classes())
    assert official_test is None
    assert dataset.classes == ("cats", "dogs")
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert dataset.shape == (4, 3, 1)
    assert dataset.features.dtype == np.uint8
    assert dataset.features[:, 0].tolist() == [0, 1, 200, 201]


def test_colours_are_channels_in_the_order_of_arrays(tmp_path: Path) -> None:
    content = zipped({"a/1.png": image(NOISE), "b/1.png": grey(7)})
    dataset, _ = read(tmp_path, content)
    assert dataset.shape == (4, 3, 3)
    assert np.array_equal(dataset.features[0].reshape(4, 3, 3), NOISE)
    assert set(dataset.features[1].tolist()) == {7}


def interlaced(rows: np.ndarray[Any, Any]) -> bytes:
    """The same as Adam7 stores it, which Pillow does not write: one pass after the other."""
    height, width = rows.shape
    data = b""
    for left, top, across, down in PASSES:
        some = rows[top::down, left::across].astype(np.uint8)
        data += b"".join(b"\0" + row.tobytes() for row in some) if some.size else b""
    return png(width, height, zlib.compress(data), interlace=1)


def test_every_mode_of_a_picture_has_the_same_pixels(tmp_path: Path) -> None:
    black = np.where(NOISE[:, :, 0] > 127, 255, 0)
    pictures = {
        "grey": image(black),
        "bits": image(black, mode="1"),
        "palette": image(black, mode="P"),
        "opaque alpha": image(black, mode="RGBA"),
        "interlaced": interlaced(black),
        "jpeg": image(np.full((4, 3), 128), "JPEG"),
    }
    content = zipped({f"{'ab'[n % 2]}/{name}.png": each for n, (name, each) in enumerate(pictures.items())})
    dataset, _ = read(tmp_path, content)
    flat = np.repeat(black.ravel(), 3)
    rows = sorted(row.tolist() for row in dataset.features)
    assert rows == sorted([flat.tolist()] * 5 + [[128] * 36])


PALETTES = {
    "grey": (image(NOISE[:, :, 0], mode="P"), False),
    "grey pixels, and colours that no pixel has": (
        image(np.dstack([NOISE[:, :, 0] // 255] * 3), mode="P"),
        False,
    ),
    "colours": (image(NOISE, mode="P"), True),
}


@pytest.mark.parametrize("name", PALETTES)
def test_a_palette_has_colours_if_a_pixel_has(tmp_path: Path, name: str) -> None:
    content, is_coloured = PALETTES[name]
    dataset, _ = read(tmp_path, zipped({"a/1.png": content, "b/1.png": grey(7)}))
    assert dataset.shape == (4, 3, 3 if is_coloured else 1)
    shown = Image.open(io.BytesIO(content)).convert("RGB" if is_coloured else "L")
    assert np.array_equal(dataset.features[0], np.asarray(shown).ravel())


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(10))
def test_images_are_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    """As the camera recorded it in EXIF; 0 and 9 say nothing. Pillow's own function is the oracle."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = image(NOISE, kind, exif=exif.tobytes())
    dataset, _ = read(tmp_path, zipped({"a/1.png": content, "b/1.png": content}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    assert dataset.shape == upright.shape
    assert np.array_equal(dataset.features[0], upright.ravel())


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0hello"])
def test_an_orientation_that_cannot_be_read_is_upright(tmp_path: Path, exif: bytes) -> None:
    content = image(NOISE, exif=exif)
    dataset, _ = read(tmp_path, zipped({"a/1.png": content, "b/1.png": content}))
    assert np.array_equal(dataset.features[0], NOISE.ravel())


def test_the_first_of_several_views_in_a_photograph_is_read(tmp_path: Path) -> None:
    """Cameras and telephones write previews and other views behind a JPEG, which Pillow calls frames."""
    content = image(NOISE, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    dataset, _ = read(tmp_path, zipped({"a/1.jpg": content, "b/1.jpg": content}))
    assert dataset.shape == (4, 3, 3)


def test_an_archive_of_more_than_65535_files_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in another way (zip64), in which small archives may end too."""
    plain = two_classes()
    monkeypatch.setattr("zipfile.ZIP_FILECOUNT_LIMIT", 2)
    large = two_classes()
    assert b"PK\x06\x06" in large
    assert b"PK\x06\x06" not in plain
    dataset, _ = read(tmp_path, large)
    assert np.array_equal(dataset.features, read(tmp_path, plain)[0].features)


@pytest.mark.parametrize(
    ("place", "written", "says"),
    [
        (24, 2**17 + 1, "has more than 131,072 members; send fewer files at once"),
        (40, 2**24 + 1, "lists its members in more than 16,777,216 bytes"),
        (0, 0, "is not an intact zip file"),
        (56 + 8, 0, "is not an intact zip file"),
        (56 + 8, 2**60, "is not an intact zip file"),
    ],
    ids=["members", "directory", "no end", "the end elsewhere", "the end beyond the file"],
)
def test_an_archive_that_lies_about_its_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, written: int, says: str
) -> None:
    monkeypatch.setattr("zipfile.ZIP_FILECOUNT_LIMIT", 2)
    content = bytearray(two_classes())
    struct.pack_into("<Q", content, content.index(b"PK\x06\x06") + place, written)
    with pytest.raises(MalformedFile) as refused:
        read(tmp_path, bytes(content))
    assert says in str(refused.value)


def test_train_and_test_folders_are_parts(tmp_path: Path) -> None:
    content = zipped(
        {
            "pets/train/cats/1.png": grey(1),
            "pets/Test/cats/1.png": grey(2),
            "pets/train/dogs/1.png": grey(3),
            "pets/val/dogs/1.png": grey(4),
            "pets/.DS_Store": b"x",
            "__MACOSX/pets/._1.png": b"x",
            "pets/train/dogs/Thumbs.db": b"x",
        }
    )
    dataset, official_test = read(tmp_path, content)
    assert official_test is not None
    assert dataset.features[:, 0].tolist() == [1, 3, 4]
    assert dataset.labels.tolist() == [0, 1, 1]
    assert (official_test.features[:, 0].tolist(), official_test.labels.tolist()) == ([2], [0])


def test_images_of_several_sizes_are_asked_about_and_scaled(tmp_path: Path) -> None:
    content = two_classes(cats__wide=b"")
    content = zipped(
        {"a/1.png": grey(9), "a/2.png": grey(9), "b/1.png": grey(9, 8, 6), "b/2.png": image(NOISE[:2])}
    )
    with pytest.raises(
        MalformedFile, match=r"3 sizes: 4 x 3 \(2 images\), .*; the form field size=4x3 scales all"
    ):
        read(tmp_path, content)
    dataset, _ = read(tmp_path, content, size="2x5")
    assert dataset.shape == (2, 5, 3)
    assert set(dataset.features[:3].ravel().tolist()) == {9}


def png_header(width: int, height: int, bits: int = 8) -> bytes:
    """A PNG file that declares a size, and has the pixels of one row of zeros."""
    return png(width, height, zlib.compress(bytes(min(width, 10**6) + 1)), bits)


def png(width: int, height: int, packed_pixels: bytes, bits: int = 8, interlace: int = 0) -> bytes:
    chunks = [
        (b"IHDR", struct.pack(">2I5B", width, height, bits, 0, 0, 0, interlace)),
        (b"IDAT", packed_pixels),
        (b"IEND", b""),
    ]
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def text_bomb() -> bytes:
    """A PNG file with a comment that is 30 MB long once it is unpacked."""
    data = b"Comment\0\0" + zlib.compress(bytes(30 * 2**20))
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    return grey(1)[:33] + chunk + grey(1)[33:]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "30,000 x 30,000 pixels declared": (png_header(30_000, 30_000), "has more than 16,777,216 pixels"),
    "10,000 x 10,000 pixels declared": (png_header(10_000, 10_000), "has more than 16,777,216 pixels"),
    "2**31 pixels wide": (png_header(2**31 - 1, 1), "has more than 16,777,216 pixels"),
    "600 x 600 pixels": (png_header(600, 600), "has images of 360,000 values; at most 262,144 are read"),
    "a comment of 30 MB": (text_bomb(), "is damaged, or no PNG or JPEG image"),
    "no pixels": (png_header(4, 4)[:33], "is damaged"),
    "a row of four": (png_header(3, 4), "is damaged"),
    "a changed byte": (changed(image(NOISE), 45), "is damaged"),
    "truncated": (image(NOISE)[:-20], "is damaged"),
    "truncated JPEG": (image(np.tile(NOISE, (20, 20, 1)), "JPEG")[:-60], "is damaged"),
    "a size of 0": (png_header(0, 4), "is damaged"),
    "16 bits": (png_header(3, 4, bits=16), "has 16 bits for each value; save it in RGB or in shades of grey"),
    "CMYK": (image(NOISE, "JPEG", mode="CMYK"), "has the colour mode CMYK"),
    "transparent": (image(np.dstack([NOISE, NOISE[:, :, 0]])), "has transparent pixels; save it without"),
    "a GIF image with another name": (image(NOISE[:, :, 0], "GIF"), "is damaged, or no PNG or JPEG image"),
    "a text": (b"hello", "is damaged, or no PNG or JPEG image"),
    "empty": (b"", "is damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    content, says = HOSTILE[name]
    with pytest.raises(MalformedFile) as refused:
        read(tmp_path, zipped({"a/1.png": content, "b/1.png": content}))
    assert says in str(refused.value)
    assert "a/1.png" in str(refused.value) or "values" in says


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"1.png": grey(1), "a/1.png": grey(1)}, "'1.png' is in no folder, which would name its class"),
        (
            {"a/1.png": grey(1), "a/labels.csv": b"x"},
            "'a/labels.csv' is no PNG or JPEG image; the files are CLASS/NAME",
        ),
        ({"a/1.png": grey(1), "b/c/1.png": grey(1)}, "'b/c/1.png' is not in the folder of a class"),
        ({"a/1.png": grey(1), "a/2.png": grey(2)}, "has one class, 'a'"),
        ({"../a/1.png": grey(1)}, "has no images"),
        (
            {"train/a/1.png": grey(1), "train/b/1.png": grey(1), "test/c/1.png": grey(1)},
            "has test images of 'c'",
        ),
        ({"test/a/1.png": grey(1), "val/a/1.png": grey(1)}, "has one class, 'a'"),
        ({f"{n}/1.png": grey(1, 1, 1) for n in range(1001)}, "is label number 1,001"),
        (
            {"a\x1b/1.png": grey(1), "b/1.png": grey(2)},
            "a class is named by at most 200 characters that can be printed",
        ),
    ],
)
def test_a_misplaced_file_is_refused_by_its_name(
    tmp_path: Path, members: dict[str, bytes], says: str
) -> None:
    with pytest.raises(MalformedFile) as refused:
        read(tmp_path, zipped(members))
    assert says in str(refused.value)


def test_bombs_and_crowds_are_refused_by_what_they_declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "file").write_bytes(zipped({"a/1.png": bytes(10**6), "b/1.png": bytes(10**6)}))
    with pytest.raises(FileTooLarge, match="holds 2,000,000 bytes or more once it is unpacked"):
        Images().unpack(folder, Room("mine", most=10**6))
    monkeypatch.setattr(images_format, "MOST_FILE_BYTES", 10)
    with pytest.raises(FileTooLarge, match=r"'cats/0.png' has \d+ bytes; at most 10 are read"):
        read(tmp_path, two_classes())
    monkeypatch.undo()
    monkeypatch.setattr(image_pixels, "MOST_PIXELS", 11)
    with pytest.raises(FileTooLarge, match="has more than 11 pixels"):
        read(tmp_path, two_classes())
    monkeypatch.undo()
    monkeypatch.setattr(images_format, "FILES", replace(FILES, members=3))
    with pytest.raises(FileTooLarge, match="has more than 3 members; send fewer files at once"):
        read(tmp_path, two_classes())
