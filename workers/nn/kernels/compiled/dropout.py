"""Dropout. The mask is computed as it is applied, and never stored."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled, inlined

GOLDEN, FIRST, SECOND = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)

TILE = 256
"""Elements of each half per block: their part of the mask fits into the L1 cache."""


@inlined
def _splitmix64(state: np.uint64) -> np.uint64:
    state = (state ^ (state >> np.uint64(30))) * FIRST
    state = (state ^ (state >> np.uint64(27))) * SECOND
    return state ^ (state >> np.uint64(31))


@inlined
def _multiply(x: Array, mask: Array, y: Array) -> None:
    """y = x mask, up to the end of the shorter one."""
    for j in range(min(len(mask), len(x))):
        y[j] = x[j] * mask[j]


@compiled("void(real[::1], uint64[::1], float64, real[::1])")
def dropout(x: Array, key: Integers, rate: float, y: Array) -> None:
    zero, scale, seed = x.dtype.type(0), x.dtype.type(1 / (1 - rate)), key[0]
    threshold, half = np.uint64(rate * 4294967296.0), (len(x) + 1) // 2
    low, high = np.empty(TILE, x.dtype), np.empty(TILE, x.dtype)
    for start in range(0, half, TILE):
        for j in range(TILE):
            bits = _splitmix64(seed + np.uint64(start + j + 1) * GOLDEN)
            low[j] = scale if (bits & np.uint64(0xFFFFFFFF)) >= threshold else zero
            high[j] = scale if (bits >> np.uint64(32)) >= threshold else zero
        _multiply(x[start:half], low, y[start:half])
        _multiply(x[half + start :], high, y[half + start :])
