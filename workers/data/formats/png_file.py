"""Checks that a PNG file is whole: where pixels are missing, Pillow leaves them black without a word."""

import struct
import zlib

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of each colour type."""
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The first column and row, and the steps, of each pass of an interlaced image."""


def is_whole(content: bytes) -> bool:
    """Whether all chunks of a PNG file are there and intact, and hold the pixels that it declares."""
    place, header, packed = 8, b"", list[bytes]()
    while place + 12 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, data = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        checksum = content[place + 8 + length : place + 12 + length]
        if checksum != struct.pack(">I", zlib.crc32(kind + data)):
            return False
        if kind == b"IHDR":
            header = data
        elif kind == b"IDAT":
            packed.append(data)
        elif kind == b"IEND":
            return len(header) == 13 and _unpacks_to(b"".join(packed), _pixel_bytes(header))
        place += 12 + length
    return False


def _unpacks_to(packed: bytes, size: int) -> bool:
    return len(zlib.decompressobj().decompress(packed, size + 1)) == size


def _pixel_bytes(header: bytes) -> int:
    """How many bytes the pixels take: each row begins with the number of its filter."""
    width, height, depth, colour, _, _, is_interlaced = struct.unpack(">2I5B", header)
    passes = PASSES if is_interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * depth * CHANNELS[colour] // 8))
    return total
