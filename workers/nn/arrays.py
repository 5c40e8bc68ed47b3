"""The array types, and the buffers that a layer reuses from batch to batch."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Shape = tuple[int, ...]


class Buffers:
    """Named arrays, allocated when first asked for and handed out again ever after.

    Batches of fewer rows get the leading rows of the same array, so that memory is bounded by the largest
    batch. What a buffer held is lost when its name is asked for again.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, Shape, DTypeLike], NDArray[Any]] = {}

    def __call__(self, name: str, shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
        key = (name, shape[1:], dtype)
        array = self._arrays.get(key)
        if array is None or len(array) < shape[0]:
            array = self._arrays[key] = np.empty(shape, dtype)
        return array if len(array) == shape[0] else array[: shape[0]]


def least_of(dtype: DTypeLike) -> float:
    """What is smaller than this is negligible: the square root of the smallest normal number, 1e-19 in float32."""
    return float(np.sqrt(np.finfo(dtype).tiny))


def drop_negligible(gradient: Array) -> None:
    """Set to 0 what is negligible, in place.

    No step can tell it from 0, and its square, which optimizers take, is subnormal: a product with subnormal
    numbers in it takes many times as long. They come once the probabilities of wrong classes vanish.
    """
    gradient[np.abs(gradient) < least_of(gradient.dtype)] = 0


def mean(values: Array) -> float:
    """Of values (n,), added up in float64. Of a few hundred np.mean takes twice as long."""
    return float(np.add.reduce(values, dtype=np.float64)) / len(values)


@lru_cache(maxsize=64)
def filled(value: float, size: int, dtype: np.dtype[Any]) -> Array:
    """`value`, `size` times: the same read-only array for every caller."""
    array = np.full(size, value, dtype)
    array.flags.writeable = False
    return array
