"""Rounding to bfloat16. Its bits are kept as unsigned integers: NumPy has no such type."""

import numpy as np

from workers.nn.arrays import CHUNK, Array, Bits

HALF, ONE, SHIFT, QUIET = np.uint32(0x7FFF), np.uint32(1), np.uint32(16), np.uint32(0x40)
"""Half a unit in the last place, less one; and the bit that keeps a NaN a NaN, whatever else is cut off."""


def round_to_bfloat16(x: Array, y: Bits) -> None:
    for start in range(0, len(y), CHUNK):
        part = y[start : start + CHUNK]
        numbers = x[start : start + len(part)].astype(np.float32, copy=False)
        bits = numbers.view(np.uint32)
        upper = bits >> SHIFT
        nearest = (bits + HALF + (upper & ONE)) >> SHIFT
        part[...] = np.where(np.isnan(numbers), upper | QUIET, nearest)
