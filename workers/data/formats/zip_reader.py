"""Opens untrusted zip files: the directory is bounded before it is read; no member is extracted by its name."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from workers.data.errors import MalformedFile

MOST_MEMBERS = 16
LARGEST_DIRECTORY = 2**14
END = struct.Struct("<4s4H2LH")
LOCATOR_SIZE = 20
SAVE_AGAIN = "save it again with numpy.savez"
ENCRYPTED = 0x1


@contextmanager
def open_zip(path: Path, file: str) -> Iterator[ZipFile]:
    """Open a zip file of few members with distinct names. Raises MalformedFile, also inside the block."""
    try:
        with path.open("rb") as raw:
            _require_small_directory(raw, file)
            with ZipFile(raw) as archive:
                _require_plain(archive.infolist(), file)
                yield archive
    except MalformedFile:
        raise
    except (BadZipFile, LargeZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise MalformedFile(file, f"is not an intact zip file ({error})", SAVE_AGAIN) from error
    except (ValueError, OverflowError, struct.error) as error:
        raise MalformedFile(file, "is not an intact zip file", SAVE_AGAIN) from error


def _require_small_directory(raw: BinaryIO, file: str) -> None:
    """ZipFile reads the whole directory and locates its end in several ways; here only one of them is accepted."""
    size = raw.seek(0, SEEK_END)
    if raw.seek(0) or raw.read(2) != b"PK" or size < END.size:
        raise MalformedFile(file, "is not a zip file", "an npz file is one, as numpy.savez writes it")
    raw.seek(max(0, size - END.size - LOCATOR_SIZE))
    tail = raw.read()
    magic, _, _, members, _, directory, _, comment = END.unpack(tail[-END.size :])
    if magic != b"PK\x05\x06" or comment:
        raise MalformedFile(file, "does not end as a zip file without a comment does", SAVE_AGAIN)
    if tail.startswith(b"PK\x06\x07") or members > MOST_MEMBERS or directory > LARGEST_DIRECTORY:
        raise MalformedFile(
            file, f"has more than {MOST_MEMBERS} members", "it holds features and labels alone"
        )


def _require_plain(members: list[ZipInfo], file: str) -> None:
    names = [member.filename for member in members]
    for member in members:
        if member.header_offset < 0:
            raise MalformedFile(file, "is not an intact zip file", SAVE_AGAIN)
        if names.count(member.filename) > 1:
            raise MalformedFile(f"{file}: {member.filename[:60]!a}", "is there more than once", SAVE_AGAIN)
        if member.flag_bits & ENCRYPTED or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            wrong = "is encrypted, or compressed with another method than deflate"
            raise MalformedFile(f"{file}: {member.filename[:60]!a}", wrong, SAVE_AGAIN)
