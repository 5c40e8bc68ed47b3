"""Bins of the numbers that a regression predicts: they take the place of classes in splits, balancing and reports."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workers.data.dataset import Labels

BINS = 10
LEAST_ROWS = 10
"""Rows of a bin, if there are so many: fewer say little of its error, and a split needs some in every part."""


class InvalidTargets(ValueError):
    """The numbers cannot be the targets of a regression. The message says why."""


def bin_targets(targets: ArrayLike) -> tuple[Labels, tuple[str, ...]]:
    """The bin (n,) of each of the targets (n,), and the names of the bins, such as "[1.2, 3.4)".

    There are ten bins of about equally many rows, and fewer if the rows are few. Equal targets share a bin: a value
    that many rows have makes its bin larger. The last bin has both ends. Raises InvalidTargets.
    """
    values = np.asarray(targets, np.float64)
    if not np.isfinite(values).all():
        raise InvalidTargets(f"the target of row {int(np.isfinite(values).argmin())} is missing or infinite")
    distinct, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) < 2:
        raise InvalidTargets("all targets are equal: there is nothing to predict")
    starts = _first_of_bins(counts)
    labels = np.searchsorted(starts, which, side="right") - 1
    return labels.astype(np.int64), _names(distinct[starts], float(distinct[-1]))


def _first_of_bins(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of the distinct values, with these counts of rows, begins each bin."""
    rows = int(counts.sum())
    bins = max(1, min(BINS, rows // LEAST_ROWS))
    before = np.cumsum(counts) - counts
    starts, closed = [0], 0
    while left := bins - len(starts):
        share = max(LEAST_ROWS, (rows - closed) / (left + 1))
        index = int(np.searchsorted(before, closed + share))
        if index == len(before) or rows - before[index] < LEAST_ROWS:
            break
        starts.append(index)
        closed = int(before[index])
    return np.array(starts)


def _names(lowest: NDArray[np.float64], highest: float) -> tuple[str, ...]:
    """The intervals from each lowest value to the next, with as many digits as it takes to tell their ends apart."""
    ends = [*lowest.tolist(), highest]
    needed = len(set(ends))
    digits = next(n for n in range(3, 18) if n == 17 or len({f"{end:.{n}g}" for end in ends}) == needed)
    texts = [f"{end:.{digits}g}" for end in ends]
    closing = [*([")"] * (len(lowest) - 1)), "]"]
    return tuple(
        f"[{low}, {high}{end}" for low, high, end in zip(texts[:-1], texts[1:], closing, strict=True)
    )
