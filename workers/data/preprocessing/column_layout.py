"""The layout of one column of a table, fitted to its training values."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
"""The place of a level that no element stands for."""


@dataclass(frozen=True, eq=False)
class ColumnLayout:
    """How one column becomes elements, by places relative to its first one. Layout has the meaning of the rest.

    varies: which elements differ between training rows. scaled: which are numbers that a scaling applies to.
    """

    varies: list[bool]
    scaled: list[bool]
    fill: float = 0.0
    indicator: bool = False
    places: Sequence[int] = ()
    values: Sequence[float] = ()
    names: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """The number of elements."""
        return len(self.varies)


def number(missing: NDArray[np.bool_], fill: float, *, indicator: bool) -> ColumnLayout:
    """A number: its value or `fill`, then, if any training row (n,) has it `missing`, whether it is."""
    has_indicator = indicator and bool(missing.any())
    of_indicator = [not missing.all()] if has_indicator else []
    return ColumnLayout(
        varies=[True, *of_indicator],
        scaled=[True, *[False] * len(of_indicator)],
        fill=fill,
        indicator=has_indicator,
        names=["", *["missing"] * len(of_indicator)],
    )


def boolean(values: NDArray[np.float32], *, indicator: bool) -> ColumnLayout:
    """0 or 1, then whether it is missing; a missing one is what most training rows (n,) have."""
    missing = np.isnan(values)
    present = values[~missing]
    fill = float(len(present) > 0 and present.mean() > 0.5)
    as_number = number(missing, fill, indicator=indicator)
    filled = np.where(missing, fill, values)
    varies = [bool(np.ptp(filled) > 0), *as_number.varies[1:]]
    return ColumnLayout(
        varies=varies,
        scaled=[False] * len(varies),
        fill=fill,
        indicator=as_number.indicator,
        names=as_number.names,
    )


def one_hot(counts: NDArray[np.int64], levels: Sequence[str], min_count: int) -> ColumnLayout:
    """An element for each level of at least `min_count` training rows, then one for all rarer ones.

    counts: training rows of each level, and last those with a missing value, which count as a level of its own.
    A level that no training row has gets no element.
    """
    common, rare = counts >= max(min_count, 1), (counts > 0) & (counts < min_count)
    places = np.where(common, np.cumsum(common) - 1, UNKNOWN)
    places[rare] = common.sum()
    width = int(common.sum()) + bool(rare.any())
    totals = [int(counts[places == place].sum()) for place in range(width)]
    named = [*levels, "missing"]
    return ColumnLayout(
        varies=[total < counts.sum() for total in totals],
        scaled=[False] * width,
        places=places.tolist(),
        values=[1.0] * len(places),
        names=[named[i] for i in np.flatnonzero(common)] + ["rare"] * bool(rare.any()),
    )


def frequency(counts: NDArray[np.int64]) -> ColumnLayout:
    """One number: the share of training rows that have the level, or that have none. Unknown levels have share 0."""
    shares = counts / max(1, counts.sum())
    places = np.where(counts > 0, 0, UNKNOWN)
    return ColumnLayout(
        varies=[True], scaled=[True], places=places.tolist(), values=shares.tolist(), names=["frequency"]
    )


def hashed(levels: Sequence[str], counts: NDArray[np.int64], buckets: int) -> ColumnLayout:
    """One element for each bucket; a level is in the one that a hash of its text says, and so is a missing value."""
    places = [_bucket(level, buckets) for level in levels] + [_bucket(None, buckets)]
    totals = np.bincount(places, weights=counts, minlength=buckets)
    return ColumnLayout(
        varies=[bool(0 < total < counts.sum()) for total in totals],
        scaled=[False] * buckets,
        places=places,
        values=[1.0] * len(places),
        names=[f"bucket {place}" for place in range(buckets)],
    )


def _bucket(level: str | None, buckets: int) -> int:
    text = b"\x00" if level is None else b"\x01" + level.encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") % buckets


def level_counts(codes: NDArray[Any], levels: int) -> NDArray[np.int64]:
    """How many of `codes` (n,) have each level, and last how many are NaN: (levels + 1,)."""
    return np.bincount(np.where(np.isnan(codes), levels, codes).astype(np.int64), minlength=levels + 1)
