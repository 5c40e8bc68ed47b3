"""Reads IDX files, the format of MNIST, in bounded memory; refuses a file that is not exactly what it declares.

A file is a magic number, one big-endian 32-bit size per dimension, then that many big-endian values. The magic number
gives the type of the values and the dimensions: 2049 is bytes in one dimension (labels), 2051 in three (images).
Labels in two dimensions, as of QMNIST, have the class in the first column. Every file may be gzipped.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.data.errors import FileTooLarge, MalformedFile

MOST_BYTES = 2**30
CHUNK = 2**20

Dimensions = Literal[1, 3]
MEANING: dict[Dimensions, str] = {1: "labels", 3: "images"}
ALLOWED: dict[Dimensions, tuple[int, ...]] = {1: (1, 2), 3: (3,)}
"""The dimensions that a file may have."""
TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class IdxHeader(NamedTuple):
    """The declared type and shape of an array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_idx(path: Path, *, dimensions: Dimensions, max_bytes: int = MOST_BYTES) -> NDArray[Any]:
    """Read the array in an IDX file: labels (n,) or (n, k), or images (n, height, width). Raises MalformedFile.

    Memory grows with the bytes that the file delivers, not with those it declares, and reading stops one byte after
    the declared end: neither an absurd header nor a gzip bomb costs much.
    """
    with _opened(path) as (stream, file):
        return _read(stream, file, dimensions, max_bytes)


def read_shape(path: Path, *, dimensions: Dimensions) -> tuple[int, ...]:
    """Read the shape that the header of an IDX file declares. Raises MalformedFile."""
    with _opened(path) as (stream, file):
        return _read_header(stream, file, dimensions).shape


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO | gzip.GzipFile, str]]:
    """The content of a file, unzipped if necessary, and its name in messages."""
    file = f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as raw:
            if raw.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw) as unzipped:
                    yield unzipped, file
            else:
                yield raw, file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedFile(file, f"is not an intact gzip file ({error})", "copy it again") from error


def _read(
    stream: BinaryIO | gzip.GzipFile, file: str, dimensions: Dimensions, max_bytes: int
) -> NDArray[Any]:
    header = _read_header(stream, file, dimensions)
    size = header.size
    if size > max_bytes:
        declared = " x ".join(f"{length:,}" for length in header.shape)
        of = "" if header.dtype.itemsize == 1 else f" values of {header.dtype.itemsize}"
        raise FileTooLarge(file, f"declares {declared}{of} bytes", f"at most {max_bytes:,} are read")
    content = bytearray()
    while len(content) < size:
        chunk = stream.read(min(CHUNK, size - len(content)))
        if not chunk:
            raise MalformedFile(
                file, f"ends after {len(content):,} bytes of data", f"its header declares {size:,}"
            )
        content += chunk
    if stream.read(1):  # at the end of a gzip file, this read also checks its length and CRC
        raise MalformedFile(file, f"goes on after the {size:,} bytes that it declares", "nothing may follow")
    return np.frombuffer(content, header.dtype).reshape(header.shape)


def _read_header(stream: BinaryIO | gzip.GzipFile, file: str, dimensions: Dimensions) -> IdxHeader:
    right = f"an IDX file of {MEANING[dimensions]} starts with {2048 + dimensions}"
    start = stream.read(4)
    if len(start) < 4:
        raise MalformedFile(file, "is too short to be an IDX file", right)
    zeros, kind, given = struct.unpack(">HBB", start)
    if zeros or kind not in TYPES or given not in ALLOWED[dimensions]:
        (magic,) = struct.unpack(">I", start)
        raise MalformedFile(file, f"starts with the magic number {magic}", right)
    sizes = stream.read(4 * given)
    if len(sizes) < 4 * given:
        raise MalformedFile(file, "ends within its header", f"{given} sizes must follow the magic number")
    shape = struct.unpack(f">{given}I", sizes)
    if 0 in shape:
        raise MalformedFile(file, f"declares a size of {shape}", "no size may be 0")
    return IdxHeader(np.dtype(TYPES[kind]), shape)
