"""How one feature moved: of numbers, of numbers that are partly missing, or of levels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.nn.arrays import Integers
from workers.shift import chi_square, kolmogorov_smirnov
from workers.shift.detection import ALPHA

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class FeatureMove:
    """How one feature moved.

    move: the largest distance between its two distributions, from 0 to 1: of the distribution functions of numbers,
    or of the shares that are missing if that is larger; the total variation of levels. p_value: corrected for all
    features (Holm). smallest_move: what the test finds in 80 % of such batches; None if nothing. mean_before,
    mean_after: of numbers, in their own unit. missing_before, missing_after: shares. out_of_range: values of the
    batch beyond those of the validation rows, and at most how many are expected without a shift. unseen: values with
    a level that no validation row has.
    """

    name: str
    kind: str
    move: float
    p_value: float
    smallest_move: float | None
    mean_before: float | None = None
    mean_after: float | None = None
    missing_before: float = 0.0
    missing_after: float = 0.0
    out_of_range: int = 0
    out_of_range_expected: float = 0.0
    unseen: int = 0

    @property
    def has_moved(self) -> bool:
        """Whether the corrected test says so."""
        return self.p_value <= ALPHA


def expected_beyond(m: int, n: int) -> float:
    """How many of n rows lie beyond the smallest and the largest of m others of the same distribution, at most."""
    return 2 * n / (m + 1)


def move_of_levels(
    before: Singles, after: Singles, column: Column, comparisons: int, stream: np.random.Generator
) -> FeatureMove:
    """A category (m,) and (n,): its levels, unknown ones together, and missing values as one more."""
    size = len(column.levels or ())
    old, new = (_level_counts(values, size) for values in (before, after))
    _, p_value, cells = chi_square.homogeneity(old, new, stream)
    shares = old / old.sum(), new / new.sum()
    return FeatureMove(
        column.name,
        column.kind,
        move=float(np.abs(shares[0] - shares[1]).sum() / 2),
        p_value=p_value,
        smallest_move=chi_square.smallest_share(old, len(after), cells, comparisons),
        missing_before=float(shares[0][-1]),
        missing_after=float(shares[1][-1]),
        unseen=int(new[:-1][old[:-1] == 0].sum()),
    )


def _level_counts(values: Singles, levels: int) -> Integers:
    """How many values have each level, none of them, or are missing: (levels + 2,)."""
    known = np.where(np.isnan(values), levels + 1, np.where(values < 0, levels, values))
    return np.bincount(known.astype(np.int64), minlength=levels + 2)


def move_with_missing(
    before: Singles,
    after: Singles,
    column: Column,
    comparisons: int,
    stream: np.random.Generator,
    offset: float,
) -> FeatureMove:
    """A number that is missing in some rows: the values that are there, and the share of those that are not."""
    old, new = (values[~np.isnan(values)] for values in (before, after))
    absent = [1 - len(old) / len(before), 1 - len(new) / len(after)]
    counts = [
        np.array([len(there), len(every) - len(there)]) for there, every in ((old, before), (new, after))
    ]
    _, p_missing, _ = chi_square.homogeneity(counts[0], counts[1], stream)
    distance, p_value, smallest = abs(absent[0] - absent[1]), p_missing, None
    if len(old) and len(new):
        of_values = kolmogorov_smirnov.distances(old[:, None], new[:, None])
        p_values = kolmogorov_smirnov.p_values(of_values, len(old), len(new))
        distance, p_value = (
            max(distance, float(of_values[0])),
            min(1.0, 2 * min(p_missing, float(p_values[0]))),
        )
        smallest = kolmogorov_smirnov.smallest_distance(len(old), len(new), 2 * comparisons)
    return FeatureMove(
        column.name,
        column.kind,
        move=distance,
        p_value=p_value,
        smallest_move=smallest,
        mean_before=_mean(old, offset),
        mean_after=_mean(new, offset),
        missing_before=absent[0],
        missing_after=absent[1],
        out_of_range=int(((new < old.min()) | (new > old.max())).sum()) if len(old) else len(new),
        out_of_range_expected=expected_beyond(len(old), len(new)) if len(old) else 0.0,
    )


def _mean(values: Singles, offset: float) -> float | None:
    return float(values.mean(dtype=np.float64)) + offset if len(values) else None
