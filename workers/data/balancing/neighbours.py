"""Exact nearest neighbours: a fast expansion proposes candidates, differences in double precision decide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Indices

CHUNK_VALUES = 2**22
EXTRA = 32
"""Candidates for each row beyond the k that are needed."""

Matrix = NDArray[np.float64]


def nearest_neighbours(x: NDArray[Any], k: int) -> Indices:
    """The k nearest other rows of each row of `x` (n, d), n > k, shape (n, k), nearest first.

    |a|^2 - 2 ab + |b|^2 costs one matrix product, but loses digits to cancellation if rows lie close together. So it
    only proposes candidates: in single precision first, then in double precision for rows that stay undecided.
    Differences in double precision choose among the candidates. A row is decided once its k-th distance is below
    the smallest distance that the error of the expansion allows for any other row. Matrix that stay undecided are
    compared with every row. Cost: O(n^2 d), one product in single precision if rows are spread out; a second
    product, and finally n d differences, for each row in a cluster tighter than the precision.
    """
    x = np.asarray(x, np.float64)
    nearest = np.empty((len(x), k), np.int64)
    undecided = np.arange(len(x))
    for precision in (np.float32, np.float64):
        if len(undecided) and k + EXTRA < len(x) - 1:
            undecided = _by_candidates(x, undecided, nearest, precision)
    _by_differences(x, undecided, nearest)
    return nearest


def _by_candidates(x: Matrix, rows: Indices, nearest: Indices, precision: Any) -> Indices:
    """Fill in the neighbours of `rows`; returns the rows that this precision cannot decide."""
    centred = (x - x.mean(axis=0)).astype(precision)
    squares = np.einsum("ij,ij->i", centred, centred)
    error = 4 * (x.shape[1] + 4) * float(np.finfo(precision).eps) * float(squares.max())
    k, undecided = nearest.shape[1], []
    candidates = k + EXTRA
    for chunk in _chunks(rows, len(x)):
        distances = squares - 2 * (centred[chunk] @ centred.T)
        distances += squares[chunk, None]
        distances[np.arange(len(chunk)), chunk] = np.inf
        proposed = np.argpartition(distances, candidates, axis=1)[:, : candidates + 1]
        approximate = np.take_along_axis(distances, proposed, axis=1)
        beyond = approximate[:, candidates].astype(np.float64) - error  # no other row is nearer than that
        exact = _distances(x, chunk, proposed)
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        nearest[chunk] = np.take_along_axis(proposed, order, axis=1)
        furthest = np.take_along_axis(exact, order[:, -1:], axis=1)[:, 0]
        undecided.append(chunk[~(furthest < beyond)])
    return np.concatenate(undecided)


def _by_differences(x: Matrix, rows: Indices, nearest: Indices) -> None:
    """Fill in the neighbours of `rows` by comparing each with every row."""
    for row in rows:
        distances = np.empty(len(x))
        for chunk in _chunks(np.arange(len(x)), x.shape[1]):
            differences = x[chunk] - x[row]
            distances[chunk] = np.einsum("ij,ij->i", differences, differences)
        distances[row] = np.inf
        nearest[row] = np.argsort(distances, kind="stable")[: nearest.shape[1]]


def _distances(x: Matrix, rows: Indices, others: Indices) -> Matrix:
    """Squared distances (m, c) from `rows` (m,) to `others` (m, c)."""
    distances = np.empty(others.shape)
    at = np.arange(len(rows))
    for chunk in _chunks(at, others.shape[1] * x.shape[1]):
        differences = x[others[chunk]]
        differences -= x[rows[chunk], None]
        distances[chunk] = np.einsum("ijk,ijk->ij", differences, differences)
    return distances


def _chunks(rows: Indices, values_a_row: int) -> list[Indices]:
    step = max(1, CHUNK_VALUES // max(1, values_a_row))
    return [rows[start : start + step] for start in range(0, len(rows), step)]
