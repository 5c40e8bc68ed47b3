"""Dropout. The mask is computed as it is applied, and never stored."""

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import CHUNK, Array, Integers


def dropout(x: Array, key: Integers, rate: float, y: Array) -> None:
    half, threshold = (len(x) + 1) // 2, np.uint64(rate * 2**32)
    for start in range(0, half, CHUNK // 2):
        stop = min(start + CHUNK // 2, half)
        bits = _splitmix64(key + np.arange(start + 1, stop + 1, dtype=np.uint64) * _GOLDEN)
        low, high = slice(start, stop), slice(half + start, half + stop)
        np.multiply(x[low], (bits & _LOWER) >= threshold, out=y[low])
        upper = (bits >> _32) >= threshold
        np.multiply(x[high], upper[: len(x[high])], out=y[high])
    y *= 1 / (1 - rate)


_GOLDEN, _LOWER, _32 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFFFFFFFF), np.uint64(32)


def _splitmix64(states: NDArray[np.uint64]) -> NDArray[np.uint64]:
    states ^= states >> np.uint64(30)
    states *= np.uint64(0xBF58476D1CE4E5B9)
    states ^= states >> np.uint64(27)
    states *= np.uint64(0x94D049BB133111EB)
    states ^= states >> np.uint64(31)
    return states
