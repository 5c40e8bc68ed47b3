"""Opens untrusted zip files: the directory is bounded before it is read; no member is extracted by its name."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from workers.data.errors import FileTooLarge, MalformedFile

END = struct.Struct("<4s4H2LH")
LOCATOR = struct.Struct("<4sLQL")
END_64 = struct.Struct("<4sQ2H2L4Q")
"""The end of an archive of more than 65,535 members or 4 GiB (zip64), right before its locator."""
ENCRYPTED = 0x1


@dataclass(frozen=True)
class ZipKind:
    """A kind of zip file: the most members and bytes of its directory, what it holds, and how to write it again."""

    members: int
    directory: int
    holds: str
    again: str


ARRAYS = ZipKind(16, 2**14, "it holds features and labels alone", "save it again with numpy.savez")
FILES = ZipKind(
    2**17,
    2**24,
    "send fewer files at once, or images as arrays, format=npz",
    "write it again, as plain zip",
)


@contextmanager
def open_zip(path: Path, file: str, kind: ZipKind = ARRAYS) -> Iterator[ZipFile]:
    """Open a zip file of few members with distinct names. Raises MalformedFile, also inside the block."""
    try:
        with path.open("rb") as raw:
            _require_small_directory(raw, file, kind)
            with ZipFile(raw) as archive:
                _require_plain(archive.infolist(), file, kind)
                yield archive
    except MalformedFile:
        raise
    except (BadZipFile, LargeZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise MalformedFile(file, f"is not an intact zip file ({error})", kind.again) from error
    except (ValueError, OverflowError, struct.error) as error:
        raise MalformedFile(file, "is not an intact zip file", kind.again) from error


def _require_small_directory(raw: BinaryIO, file: str, kind: ZipKind) -> None:
    """ZipFile reads the whole directory and locates its end in several ways; here only one of them is accepted."""
    size = raw.seek(0, SEEK_END)
    if raw.seek(0) or raw.read(2) != b"PK" or size < END.size:
        raise MalformedFile(file, "is not a zip file", "an npz file is one, as numpy.savez writes it")
    raw.seek(max(0, size - END.size - LOCATOR.size - END_64.size))
    tail = raw.read()
    magic, _, _, members, _, directory, _, comment = END.unpack(tail[-END.size :])
    if magic != b"PK\x05\x06" or comment:
        raise MalformedFile(file, "does not end as a zip file without a comment does", kind.again)
    if tail[-END.size - LOCATOR.size :].startswith(b"PK\x06\x07"):
        members, directory = _of_zip64(tail, size, file, kind)
    error = MalformedFile if kind is ARRAYS else FileTooLarge
    if members > kind.members:
        raise error(file, f"has more than {kind.members:,} members", kind.holds)
    if directory > kind.directory:
        raise error(file, f"lists its members in more than {kind.directory:,} bytes", kind.holds)


def _of_zip64(tail: bytes, size: int, file: str, kind: ZipKind) -> tuple[int, int]:
    """The members and the bytes of the directory. tail: the last bytes of a file of this size."""
    before = size - END.size - LOCATOR.size - END_64.size
    if before >= 0:
        magic, *_, members, _, directory, _ = END_64.unpack(tail[: END_64.size])
        _, _, place, _ = LOCATOR.unpack(tail[END_64.size : END_64.size + LOCATOR.size])
        if magic == b"PK\x06\x06" and place == before:
            return members, directory
    raise MalformedFile(file, "is not an intact zip file", kind.again)


def _require_plain(members: list[ZipInfo], file: str, kind: ZipKind) -> None:
    times = Counter(member.filename for member in members)
    for member in members:
        if member.header_offset < 0:
            raise MalformedFile(file, "is not an intact zip file", kind.again)
        if times[member.filename] > 1:
            raise MalformedFile(f"{file}: {member.filename[:60]!a}", "is there more than once", kind.again)
        if member.flag_bits & ENCRYPTED or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            wrong = "is encrypted, or compressed with another method than deflate"
            raise MalformedFile(f"{file}: {member.filename[:60]!a}", wrong, kind.again)
