"""Gathers the rows of a batch and scales them."""

import numpy as np

from workers.nn.arrays import CHUNK, Array, Integers


def gather(
    features: Array | Integers,
    labels: Integers,
    rows: Integers,
    offset: Array,
    factor: Array,
    x: Array,
    y: Integers,
) -> None:
    np.take(labels, rows, out=y, mode="clip")
    if features.dtype == x.dtype:
        # With the default mode="raise", take() copies the whole result once more.
        np.take(features, rows, axis=0, out=x, mode="clip")
        scale(x, offset, factor, x)
        return
    step = max(1, CHUNK // features.shape[1])
    for start in range(0, len(rows), step):
        scale(features[rows[start : start + step]], offset, factor, x[start : start + step])


def scale(features: Array | Integers, offset: Array, factor: Array, x: Array) -> None:
    np.copyto(x, features)  # cast first: faster than a subtraction of mixed types
    x -= offset
    x *= factor


def mix(
    features: Array | Integers, rows: Integers, mixing: Array, offset: Array, factor: Array, x: Array
) -> None:
    step = max(1, CHUNK // features.shape[1])
    for start in range(0, len(rows), step):
        chunk = slice(start, start + step)
        towards = features[rows[chunk]].astype(x.dtype)
        scale(towards, offset, factor, towards)
        towards -= x[chunk]
        towards *= mixing[chunk, np.newaxis]
        x[chunk] += towards
