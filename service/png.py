"""Encodes pixels as PNG."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2

Pixels = NDArray[np.uint8]


def png(pixels: Pixels) -> bytes:
    """Encode `pixels`, (h, w) grey or (h, w, 3) red, green and blue, as a PNG. Source: RFC 2083, without filters."""
    height, width = pixels.shape[:2]
    kind = COLOUR if pixels.ndim == 3 else GREY
    lines = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0)))  # each line begins with its filter: none
    header = struct.pack(">2I5B", width, height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
