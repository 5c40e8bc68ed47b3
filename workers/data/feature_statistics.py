"""Statistics of features, chunk by chunk: moments, quartiles, and whether images use the whole range of bytes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Features

CHUNK_BYTES = 16 * 2**20
HALF_OF_A_BYTE = 128
EXACT_ROWS = 256
"""The squared differences of this many bytes sum to less than 2^24: float32 holds the sum exactly, and is fast."""


def moments(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and population variance (d,) in float64; the variance of a constant feature is exactly zero."""
    return _moments_of_bytes(features) if features.dtype == np.uint8 else _moments_of_floats(features)


def _moments_of_bytes(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Computed from the sums of x - x_0 and of its square, x_0 the first row; both sums are exact."""
    rows, first = len(features), features[0].astype(np.float32)
    total, squares = np.zeros(features.shape[1]), np.zeros(features.shape[1])
    chunk = np.empty((min(EXACT_ROWS, rows), features.shape[1]), np.float32)
    ones = np.ones(len(chunk), np.float32)
    for start in range(0, rows, EXACT_ROWS):
        some = features[start : start + EXACT_ROWS]
        deviations = np.subtract(some, first, out=chunk[: len(some)])
        total += ones[: len(some)] @ deviations
        squares += ones[: len(some)] @ np.square(deviations, out=deviations)
    return first + total / rows, (squares - total * total / rows) / rows


def _moments_of_floats(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Computed chunk by chunk from deviations from the first row: Chan, Golub & LeVeque 1979."""
    rows, mean, squares = 0, np.zeros(features.shape[1]), np.zeros(features.shape[1])
    first = features[0].astype(np.float64)
    for chunk in _chunks(features):
        chunk -= first
        total, between = rows + len(chunk), chunk.mean(axis=0) - mean
        chunk -= mean + between
        squares += np.einsum("ij,ij->j", chunk, chunk) + between**2 * (rows * len(chunk) / total)
        mean += between * (len(chunk) / total)
        rows = total
    return first + mean, squares / rows


def quartiles(features: Features) -> NDArray[np.float64]:
    """The three quartiles of each feature, (3, d) in float64, interpolated linearly; some columns at a time."""
    found = np.empty((3, features.shape[1]))
    step = max(1, CHUNK_BYTES // (4 * features[:, :1].nbytes))
    for start in range(0, features.shape[1], step):
        found[:, start : start + step] = _column_quartiles(features[:, start : start + step])
    return found


def _column_quartiles(columns: Features) -> NDArray[np.float64]:
    ordered = np.sort(columns, axis=0)
    places = np.array([0.25, 0.5, 0.75]) * (len(ordered) - 1)
    below, share = np.floor(places).astype(np.int64), (places % 1)[:, None]
    low = ordered[below].astype(np.float64)
    high = ordered[np.minimum(below + 1, len(ordered) - 1)].astype(np.float64)
    interpolated: NDArray[np.float64] = low + share * (high - low)
    return interpolated


def uses_range_of_bytes(features: Features) -> bool:
    """Whether features are bytes and at least one is in the upper half of their range."""
    step = max(1, CHUNK_BYTES // features.shape[1])
    chunks = (features[start : start + step] for start in range(0, len(features), step))
    return features.dtype == np.uint8 and any(chunk.max() >= HALF_OF_A_BYTE for chunk in chunks)


def _chunks(features: Features) -> Iterator[NDArray[np.float64]]:
    step = max(1, CHUNK_BYTES // (8 * features.shape[1]))
    for start in range(0, len(features), step):
        yield features[start : start + step].astype(np.float64)
