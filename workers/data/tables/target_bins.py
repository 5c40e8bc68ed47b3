"""Ten bins of the numbers that a regression predicts: they stratify its splits, and are to it what classes are."""

from itertools import pairwise

import numpy as np

from workers.data.dataset import Labels, Targets

MOST_BINS = 10


def binned(targets: Targets) -> tuple[Labels, tuple[str, ...]]:
    """The bin of each number, (n,), and the names of the bins, intervals such as "[1.2, 3.4)"; the last is closed.

    The edges are quantiles that occur among the numbers, so no bin is empty. Repeated numbers make fewer.
    """
    edges = np.unique(np.quantile(targets, np.linspace(0, 1, MOST_BINS + 1), method="inverted_cdf"))
    lows = edges[:-1] if len(edges) > 1 else edges
    labels = np.searchsorted(lows, targets, side="right").astype(np.int64) - 1
    return labels, _names(lows.tolist(), float(edges[-1]))


def _names(lows: list[float], highest: float) -> tuple[str, ...]:
    """The names of bins from their lower edges, with as many digits as keep the edges apart."""
    edges = [*lows, highest]
    digits = next(
        (n for n in range(4, 17) if len({f"{edge:.{n}g}" for edge in edges}) == len(set(edges))), 17
    )
    texts = [f"{edge:.{digits}g}" for edge in edges]
    names = [f"[{low}, {high})" for low, high in pairwise(texts)]
    return (*names[:-1], f"[{texts[-2]}, {texts[-1]}]")
