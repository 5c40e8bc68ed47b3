"""Array types, buffers that are reused from batch to batch, and small operations on arrays."""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Bits = NDArray[np.uint16]
"""Numbers in bfloat16, as the upper half of the bits of a float32."""
Shape = tuple[int, ...]

CHUNK = 2**13
"""Elements that NumPy code processes at a time if it needs temporary arrays: they stay in the cache."""

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest vectors."""


class Buffers:
    """Named arrays, allocated on first use and reused afterwards.

    A smaller batch gets the leading rows of the same array, so that the largest batch bounds the memory. A buffer is
    valid until its name is requested again.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, Shape, DTypeLike], NDArray[Any]] = {}

    def __call__(self, name: str, shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
        key = (name, shape[1:], dtype)
        array = self._arrays.get(key)
        if array is None or len(array) < shape[0]:
            array = self._arrays[key] = aligned_empty(shape, dtype)
        return array if len(array) == shape[0] else array[: shape[0]]


def aligned_empty(shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
    """A new array that begins at a multiple of ALIGNMENT bytes, like every other one from here.

    Some libraries multiply differently placed operands in different orders, which changes the last bits.
    """
    size = np.dtype(dtype).itemsize * prod(shape)
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def negligible_limit(dtype: DTypeLike) -> float:
    """Smaller numbers are negligible: the square root of the smallest normal number of a dtype, 1e-19 in float32."""
    return float(np.sqrt(np.finfo(dtype).tiny))


def drop_negligible(gradient: Array) -> None:
    """Set negligible elements to 0, in place.

    They make no difference to a step, but their squares, which optimizers compute, are subnormal, and a product with
    subnormal numbers takes many times as long. They occur when the probabilities of wrong classes vanish.
    """
    gradient[np.abs(gradient) < negligible_limit(gradient.dtype)] = 0


def mean(values: Array) -> float:
    """The mean of values (n,), summed in float64. For a few hundred values, np.mean takes twice as long."""
    return float(np.add.reduce(values, dtype=np.float64)) / len(values)


@lru_cache(maxsize=64)
def filled(value: float, size: int, dtype: np.dtype[Any]) -> Array:
    """A read-only array (size,) of `value`, which all callers share."""
    array = np.full(size, value, dtype)
    array.flags.writeable = False
    return array
