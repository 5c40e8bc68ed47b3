"""Reads the header of a .npy file without evaluating it, so that its size is known before anything is allocated."""

import math
import re
import struct
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from workers.data.errors import MalformedFile
from workers.nn.arrays import Shape

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 4096
MOST_DIMENSIONS = 4
LENGTHS = {1: struct.Struct("<H"), 2: struct.Struct("<I"), 3: struct.Struct("<I")}
HEADER = re.compile(
    r"\s*\{\s*'descr':\s*'([<>|=]?)([biufUS])(\d{1,5})',"
    r"\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(([-\d,\s]*)\),?\s*\}\s*",
    re.ASCII,
)
SAVE_AS_NUMBERS = "save it again with numpy.savez, as numbers"


@dataclass(frozen=True)
class ArrayHeader:
    """The declared type and shape of an array. offset: bytes before its data."""

    dtype: np.dtype[Any]
    shape: Shape
    fortran_order: bool
    offset: int

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes in all, with the header."""
        return self.offset + self.values * self.dtype.itemsize


def read_header(stream: IO[bytes], file: str) -> ArrayHeader:
    """The header at the start of a stream. Raises MalformedFile.

    Objects and structures are refused: loading objects would run code, and structures are not numbers.
    """
    start = stream.read(len(MAGIC) + 2)
    if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + 2 or start[-2] not in LENGTHS:
        raise MalformedFile(file, "is not a .npy array", SAVE_AS_NUMBERS)
    length = LENGTHS[start[-2]]
    given = stream.read(length.size)
    size = length.unpack(given)[0] if len(given) == length.size else LONGEST_HEADER + 1
    if size > LONGEST_HEADER:
        raise MalformedFile(file, "has no header of a usual length", SAVE_AS_NUMBERS)
    text = stream.read(size).decode("latin-1")
    if len(text) < size:
        raise MalformedFile(file, "ends within its header", SAVE_AS_NUMBERS)
    return _parsed(text, len(MAGIC) + 2 + length.size + size, file)


def _parsed(text: str, offset: int, file: str) -> ArrayHeader:
    found = HEADER.fullmatch(text)
    if found is None:
        raise MalformedFile(file, _why(text), SAVE_AS_NUMBERS)
    order, kind, width, fortran_order, sizes = found.groups()
    shape = tuple(_size(size.strip(), file) for size in sizes.split(",") if size.strip())
    if len(shape) > MOST_DIMENSIONS:
        wrong, right = f"declares {len(shape)} dimensions", f"at most {MOST_DIMENSIONS} have a meaning here"
        raise MalformedFile(file, wrong, right)
    try:
        dtype = np.dtype(f"{order}{kind}{width}")
    except TypeError:
        raise MalformedFile(file, f"declares the type {kind}{width}", SAVE_AS_NUMBERS) from None
    return ArrayHeader(dtype, shape, fortran_order == "True", offset)


def _why(text: str) -> str:
    if "'|O'" in text:
        return "holds Python objects (pickled), which are never loaded; for texts, save y.astype(str)"
    if re.search(r"'descr':\s*\[", text):
        return "is a structured array"
    return "has a header that declares no plain array of numbers"


def _size(text: str, file: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        declared = f"declares a size of {text[:40]}"
        raise MalformedFile(file, declared, "a size is a number from 1 on, and what it counts is there")
    return int(text)
