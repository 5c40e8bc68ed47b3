"""Apportionment: whole numbers from ratios, by the method of largest remainders, without floating point."""

from collections.abc import Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush
from math import floor


def exact(ratios: Sequence[float | Fraction]) -> list[Fraction]:
    """The ratios as they were written (0.7 is 7/10, not its binary neighbour), divided by their sum."""
    written = [Fraction(str(ratio)) for ratio in ratios]
    return [ratio / sum(written) for ratio in written]


def apportion(quotas: Sequence[Fraction], total: int, lows: Sequence[int], highs: Sequence[int]) -> list[int]:
    """Whole numbers that sum to `total`, each within its bounds, as close to their quotas as that allows.

    Every number starts as its quota rounded down. The missing units go, one by one, to the number furthest below
    its quota, the first among equals. Needs sum(lows) <= total <= sum(highs).
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
    """Divide `rows` by `ratios` that sum to 1: each part gets its share, rounded down or up; none are left over."""
    quotas = [rows * ratio for ratio in ratios]
    return apportion(quotas, rows, [0] * len(ratios), [rows] * len(ratios))


def allocate_classes(counts: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """Rows of each class in `counts` for each part in `sizes`: both margins are exact, and no entry is zero.

    Each part in turn takes its share of the remaining rows of every class, rounded down or up. Other classes move
    further from their share only if some part would otherwise have no row of a class.
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
