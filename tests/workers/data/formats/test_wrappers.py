"""Packed tables are unpacked within bounds; a file of another format is named, with a line that converts it."""

import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from tests.upload_files import FLOWERS, zipped
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats import CSV, wrappers
from workers.data.formats.signatures import SIGNATURES

PACKED = {
    "gzip": gzip.compress(FLOWERS, mtime=0),
    "zip": zipped({"flowers.csv": FLOWERS}),
    "zstd": pa.compress(FLOWERS, "zstd", asbytes=True),
}


def folder_with(folder: Path, content: bytes) -> Path:
    named = folder / "mine"
    named.mkdir()
    (named / "file").write_bytes(content)
    return named


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_table_is_the_table(tmp_path: Path, kind: str) -> None:
    folder = folder_with(tmp_path, PACKED[kind])
    assert CSV().unpacked_bytes(folder) == len(FLOWERS)
    assert CSV().read(folder).dataset.classes == ("setosa", "virginica")


@pytest.mark.parametrize("kind", PACKED)
def test_more_than_the_limit_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = folder_with(tmp_path, PACKED[kind])
    monkeypatch.setattr(wrappers, "MOST_BYTES", len(FLOWERS) - 1)
    with pytest.raises(FileTooLarge):
        CSV().read(folder)
    assert not (folder / "file").exists() or (folder / "file").stat().st_size < len(FLOWERS)


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
def test_a_file_of_another_format_is_named_with_a_remedy(
    tmp_path: Path, signature: tuple[bytes, str, str | None, str]
) -> None:
    magic, what, name, remedy = signature
    with pytest.raises(MalformedFile) as refused:
        CSV().read(folder_with(tmp_path, magic + b"\n" + bytes(60)))
    assert what in str(refused.value)
    assert (f"format={name}" if name else remedy) in str(refused.value)
