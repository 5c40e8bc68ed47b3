"""Unpacks what a table is wrapped in: gzip, zstd, or a zip file of one member. What comes out is bounded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

from workers.data.errors import MalformedFile
from workers.data.formats.room import Room
from workers.data.formats.zip_reader import FILES, open_zip

CHUNK = 2**20
STREAMS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
AS_CSV = "convert it: pandas.read_excel(FILE).to_csv(OUT, index=False)"
ARCHIVES = (
    ("xl/workbook.xml", "is an Excel workbook", AS_CSV),
    ("xl/workbook.bin", "is an Excel workbook", AS_CSV),
    ("content.xml", "is an OpenDocument file", AS_CSV),
    ("word/document.xml", "is a Word document", "copy the table into a CSV file"),
    ("data.pkl", "is a PyTorch file", "numpy.savez(OUT, x=x, y=y), and format=npz: a pickle is never loaded"),
)
"""What a member shows that ends so."""


def unpack(path: Path, room: Room) -> None:
    """Replace a wrapped file by what is in it; leave any other as it is. Raises MalformedFile, or OSError."""
    kind = wrapper_of(path)
    if kind is None:
        room.require(path.stat().st_size)
        return
    packed = path.rename(path.with_suffix(".packed"))
    size = 0
    with path.open("wb") as out:
        for chunk in _chunks(packed, kind, room):
            size += len(chunk)
            room.require(size)
            out.write(chunk)
    packed.unlink()
    if wrapper_of(path) is not None:
        raise MalformedFile(room.file, "is packed twice", "pack it once")


def first_bytes(path: Path, most: int, file: str) -> bytes:
    """The first bytes of a file, or of what it is wrapped around. Raises MalformedFile."""
    kind = wrapper_of(path)
    if kind is None:
        with path.open("rb") as content:
            return content.read(most)
    return next(_chunks(path, kind, Room(file)), b"")[:most]


def wrapper_of(path: Path) -> str | None:
    """What a file is wrapped in by its first bytes: gzip, zstd or zip."""
    with path.open("rb") as content:
        start = content.read(4)
    if start == b"PK\x03\x04":
        return "zip"
    return next((kind for magic, kind in STREAMS.items() if start.startswith(magic)), None)


def members_of(archive: ZipFile, file: str) -> list[ZipInfo]:
    """The files in a zip file. Raises MalformedFile, with a remedy, if it is a document of a known kind."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    for end, wrong, right in ARCHIVES:
        if any(member.filename.endswith(end) for member in members):
            raise MalformedFile(file, wrong, right)
    return members


def _chunks(path: Path, kind: str, room: Room) -> Iterator[bytes]:
    import pyarrow as pa  # the service itself imports the formats, but never pyarrow

    try:
        if kind == "zip":
            with open_zip(path, room.file, FILES) as archive, _only_member(archive, room) as member:
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
        raise MalformedFile(room.file, f"is not an intact {kind} file", "pack it again") from None


@contextmanager
def _only_member(archive: ZipFile, room: Room) -> Iterator[Any]:
    members = members_of(archive, room.file)
    if len(members) != 1:
        right = "it holds one table alone, or images in a folder for each class (format=images)"
        raise MalformedFile(room.file, f"is a zip file of {len(members):,} files", right)
    room.require(members[0].file_size)
    with archive.open(members[0]) as member:
        yield member
