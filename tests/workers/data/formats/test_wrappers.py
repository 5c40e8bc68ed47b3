"""Packed tables are unpacked within bounds; a file of another format is named, with a line that converts it."""

import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from tests.upload_files import FLOWERS, zipped
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats import CSV
from workers.data.formats.room import Room
from workers.data.formats.signatures import SIGNATURES, Signature

PACKED = {
    "gzip": gzip.compress(FLOWERS, mtime=0),
    "zip": zipped({"flowers.csv": FLOWERS}),
    "zstd": pa.compress(FLOWERS, "zstd", asbytes=True),
}


def folder_with(folder: Path, content: bytes) -> Path:
    named = folder / "mine"
    named.mkdir(parents=True)
    (named / "file").write_bytes(content)
    return named


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_table_is_the_table(tmp_path: Path, kind: str) -> None:
    folder = folder_with(tmp_path, PACKED[kind])
    CSV().unpack(folder, Room("mine"))
    assert (folder / "file").read_bytes() == FLOWERS
    assert CSV().read(folder).dataset.classes == ("setosa", "virginica")


def test_a_member_without_a_name_is_a_member(tmp_path: Path) -> None:
    """Of which Python's `ZipInfo.is_dir` says IndexError."""
    folder = folder_with(tmp_path, zipped({"x": FLOWERS}).replace(b"x", b"\0"))
    CSV().unpack(folder, Room("mine"))
    assert (folder / "file").read_bytes() == FLOWERS


@pytest.mark.parametrize("kind", [*PACKED, "plain"])
def test_more_than_there_is_room_for_is_refused_as_soon_as_it_is_seen(tmp_path: Path, kind: str) -> None:
    folder = folder_with(tmp_path, PACKED.get(kind, FLOWERS))
    with pytest.raises(FileTooLarge, match="holds 62 bytes or more once it is unpacked; at most 61 are read"):
        CSV().unpack(folder, Room("mine", most=len(FLOWERS) - 1))
    assert kind == "plain" or (folder / "file").stat().st_size == 0
    folder = folder_with(tmp_path / "again", PACKED.get(kind, FLOWERS))
    with pytest.raises(OSError, match="the disk has no room"):
        CSV().unpack(folder, Room("mine", free=len(FLOWERS) - 1))


@pytest.mark.parametrize("kind", PACKED)
def test_a_damaged_one_is_refused_without_the_words_of_the_library(tmp_path: Path, kind: str) -> None:
    folder = folder_with(tmp_path, PACKED[kind][:-12])
    with pytest.raises(MalformedFile) as refused:
        CSV().read(folder)
    assert "intact" in str(refused.value) or "does not end as" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped({"a.csv": FLOWERS, "b.csv": FLOWERS}), "is a zip file of 2 files"),
        (zipped({"[Content_Types].xml": b"<a/>", "xl/workbook.xml": b"<a/>"}), "is an Excel workbook"),
        (gzip.compress(PACKED["gzip"], mtime=0), "is packed twice"),
        (zipped({"a.csv": FLOWERS}, zipfile.ZIP_BZIP2), "compressed with another method"),
    ],
)
def test_what_is_packed_is_one_table(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        CSV().read(folder_with(tmp_path, content))


@pytest.mark.parametrize("signature", SIGNATURES, ids=[each[1] + str(n) for n, each in enumerate(SIGNATURES)])
def test_a_file_of_another_format_is_named_with_a_remedy(tmp_path: Path, signature: Signature) -> None:
    content = bytes(signature.offset) + signature.magic + b"\n" + (b"..." if signature.is_text else bytes(60))
    with pytest.raises(MalformedFile) as refused:
        CSV().read(folder_with(tmp_path, content))
    assert signature.what in str(refused.value)
    assert (f"format={signature.name}" if signature.name else signature.remedy) in str(refused.value)


@pytest.mark.parametrize("name", ["ORC", "RDX", "PAR1", "BZh", "GIF8", "WAVE"])
def test_a_column_may_be_named_like_another_format(tmp_path: Path, name: str) -> None:
    content = FLOWERS.replace(b"width", name.encode()).replace(b"length", name.encode() + b"2")
    assert len(CSV().read(folder_with(tmp_path, content)).dataset) == 3
