"""Unpacks what a table is wrapped in: gzip, zstd, or a zip file of one member. Counted first, written afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.zip_reader import open_zip

CHUNK = 2**20
MOST_BYTES = 2**32
STREAMS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def unpacked_size(path: Path, file: str) -> int:
    """The bytes of a file once it is unpacked, by unpacking it to nowhere. Raises MalformedFile."""
    kind = _kind(path)
    if kind is None:
        return path.stat().st_size
    if kind == "zip":
        with open_zip(path, file) as archive:
            return sum(member.file_size for member in archive.infolist())
    size = 0
    for chunk in _chunks(path, kind, file):
        size += len(chunk)
        if size > MOST_BYTES:
            raise FileTooLarge(file, f"holds more than {MOST_BYTES:,} bytes once it is unpacked", "send less")
    return size


def unpack(path: Path, file: str) -> None:
    """Replace a wrapped file by what is in it; leave any other as it is. Raises MalformedFile."""
    kind = _kind(path)
    if kind is None:
        return
    packed = path.rename(path.with_suffix(".packed"))
    size = 0
    with path.open("wb") as out:
        for chunk in _chunks(packed, kind, file):
            size += len(chunk)
            if size > MOST_BYTES:
                raise FileTooLarge(file, f"holds more than {MOST_BYTES:,} bytes", "send less")
            out.write(chunk)
    packed.unlink()
    if _kind(path) is not None:
        raise MalformedFile(file, "is packed twice", "pack it once")


def _kind(path: Path) -> str | None:
    with path.open("rb") as content:
        start = content.read(4)
    if start == b"PK\x03\x04":
        return "zip"
    return next((kind for magic, kind in STREAMS.items() if start.startswith(magic)), None)


def _chunks(path: Path, kind: str, file: str) -> Iterator[bytes]:
    import pyarrow as pa  # the service itself imports the formats, but never pyarrow

    try:
        if kind == "zip":
            with open_zip(path, file) as archive, _only_member(archive, file) as member:
                while chunk := member.read(CHUNK):
                    yield chunk
        else:
            with pa.OSFile(str(path)) as raw, pa.CompressedInputStream(raw, kind) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
    except MalformedFile:
        raise
    except (OSError, EOFError, ValueError) as error:
        if getattr(error, "errno", None):
            raise
        raise MalformedFile(file, f"is not an intact {kind} file", "pack it again") from None


@contextmanager
def _only_member(archive: ZipFile, file: str) -> Iterator[Any]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.filename for member in members]
    if "xl/workbook.xml" in names or "[Content_Types].xml" in names:
        raise MalformedFile(
            file, "is an Excel workbook", "save the sheet as CSV (pandas: read_excel, to_csv)"
        )
    if len(members) != 1:
        raise MalformedFile(file, f"is a zip file of {len(members)} files", "it holds one table alone")
    with archive.open(members[0]) as member:
        yield member
