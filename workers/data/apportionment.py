"""Exact whole numbers out of ratios, by the method of largest remainders; no floating point."""

from collections.abc import Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush
from math import floor


def exact(ratios: Sequence[float]) -> list[Fraction]:
    """The ratios as they were written (0.7 is 7/10, not its binary neighbour), divided by their sum."""
    written = [Fraction(str(ratio)) for ratio in ratios]
    return [ratio / sum(written) for ratio in written]


def apportion(quotas: Sequence[Fraction], total: int, lows: Sequence[int], highs: Sequence[int]) -> list[int]:
    """Whole numbers that sum to `total`, each within its bounds, as close to their quotas as that allows.

    Every number starts as its quota rounded down; what is missing goes, one by one, to whoever is furthest
    below its quota, the first among equals. Needs sum(lows) <= total <= sum(highs).
    """
    given = [min(max(floor(q), low), high) for q, low, high in zip(quotas, lows, highs, strict=True)]
    missing = total - sum(given)
    step, bounds = (1, highs) if missing > 0 else (-1, lows)
    queue = [
        (step * (count - quota), k)
        for k, (count, quota, bound) in enumerate(zip(given, quotas, bounds, strict=True))
        if count != bound
    ]
    heapify(queue)
    for _ in range(abs(missing)):
        _, k = heappop(queue)
        given[k] += step
        if given[k] != bounds[k]:
            heappush(queue, (step * (given[k] - quotas[k]), k))
    return given


def allocate(rows: int, ratios: Sequence[Fraction]) -> list[int]:
    """`rows` divided by `ratios` that sum to 1: each part its share, rounded down or up, none left over."""
    quotas = [rows * ratio for ratio in ratios]
    return apportion(quotas, rows, [0] * len(ratios), [rows] * len(ratios))


def allocate_classes(counts: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """For each part of `sizes`, the rows it takes of each class of `counts`: both margins exact, none zero.

    Part after part takes its share of what is left of every class, rounded down or up. Only where that would
    leave a class without a row in some part are other classes moved further from their share.
    Needs sum(sizes) = sum(counts), no count below the number of parts, no size below that of classes.
    """
    parts, left = [], list(counts)
    for index, size in enumerate(sizes):
        later = len(sizes) - index - 1
        share = Fraction(size, sum(sizes[index:]))
        highs = [count - later for count in left]
        taken = apportion([count * share for count in left], size, [1] * len(left), highs)
        parts.append(taken)
        left = [count - take for count, take in zip(left, taken, strict=True)]
    return parts
