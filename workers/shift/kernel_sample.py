"""Some rows of the validation part and of a batch, as a network reads them, and the kernel between all of them."""

from dataclasses import dataclass

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.shift.detection import Floats

MOST_ROWS = 1000
MOST_REFERENCE_ROWS = 2000
MOST_CELLS = 4_000_000
"""Of the batch and of the validation rows, so that the kernel tests take some 3 seconds and 200 MB at most."""
FARTHEST = 10.0
"""Inputs beyond this are taken as this: one huge number would otherwise make all other rows look alike."""


def choose(rows: int, width: int, stream: np.random.Generator, most: int = MOST_ROWS) -> Integers:
    """The rows of so many inputs to use, ascending: all, or as many as allowed, drawn without replacement."""
    most = min(most, max(20, MOST_CELLS // width))
    if rows <= most:
        return np.arange(rows)
    return np.sort(stream.choice(rows, most, replace=False))


@dataclass(frozen=True, eq=False)
class KernelSample:
    """kernel: (m + n, m + n), m validation rows and then n of the batch; exp(-distance^2 / median distance^2)."""

    kernel: Array
    m: int
    n: int

    @classmethod
    def of(cls, reference: Array, batch: Array) -> "KernelSample":
        """reference: (m, D), batch: (n, D), float32, as a network reads them."""
        rows = np.concatenate([reference, batch])
        rows = np.clip(np.nan_to_num(rows, nan=0.0), -FARTHEST, FARTHEST)
        rows -= rows.mean(axis=0)
        norms = np.einsum("ij,ij->i", rows, rows)
        squares = rows @ rows.T
        squares *= -2
        squares += norms[:, None]
        squares += norms
        np.maximum(squares, 0, out=squares)
        typical = _median_of_pairs(squares)
        np.exp(squares / -typical if typical else np.minimum(squares, 0), out=squares)
        return cls(squares, len(reference), len(batch))

    def memberships(self, permutations: int, stream: np.random.Generator) -> Array:
        """Which rows belong to the batch, (m + n, R + 1), float32: first as they do, then in R random orders."""
        drawn = np.zeros((permutations + 1, self.m + self.n), np.float32)
        drawn[:, self.m :] = 1
        stream.permuted(drawn[1:], axis=1, out=drawn[1:])
        return drawn.T


def permutation_p_value(statistics: Floats) -> float:
    """(1 + #) / (R + 1): how many of R permuted statistics are at least the first one, which is the observed one.

    Source: Phipson & Smyth 2010, Permutation p-values should never be zero.
    """
    observed, permuted = statistics[0], statistics[1:]
    return (1 + int((permuted >= observed - 1e-12 * abs(observed)).sum())) / len(statistics)


def _median_of_pairs(squares: Array) -> float:
    upper = squares[np.triu_indices(len(squares), 1)]
    positive = upper[upper > 0]
    return float(np.median(positive)) if len(positive) else 0.0
