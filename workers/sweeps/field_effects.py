"""Which swept field mattered: its share of the variation between candidates, and its marginal means.

An analysis of variance of the candidates' values: an additive model of all fields by least squares, so that a field
is not credited with what others, unevenly drawn, have done. A field's sum of squares is what the model loses without
it (type II); its share is omega squared (Hays 1963), which is 0 on average for a field that does nothing. A field
that only some variants have is judged beside the others, and they without it. Numbers are put into bins. A pair's
share is what their interaction adds to the additive model.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.incomplete_beta import f_tail
from workers.evaluation.intervals import LEVEL
from workers.evaluation.student import student_t_quantile
from workers.sweeps.ranges import value_text

Floats = NDArray[np.float64]

MOST_LEVELS = 12
"""Of a field whose values are names: the rarest become one level."""
BINS = 4
"""Of a field of numbers with more values than `MOST_DISTINCT`."""
MOST_DISTINCT = 6
ABSENT = "not set"
OTHERS = "others"


@dataclass(frozen=True)
class MarginalMean:
    """The mean value of candidates with one level of a field, if the other fields were the same. low, high: its
    interval; None without degrees of freedom.
    """

    level: str
    candidates: int
    mean: float
    low: float | None
    high: float | None

    def clipped(self, lowest: float, highest: float) -> "MarginalMean":
        """Within a metric's range, which an additive model does not know."""
        ends = (None if end is None else min(max(end, lowest), highest) for end in (self.low, self.high))
        return MarginalMean(self.level, self.candidates, min(max(self.mean, lowest), highest), *ends)


@dataclass(frozen=True)
class FieldEffect:
    """share: of the variation between candidates; p_value: of a field that does nothing; None without degrees of
    freedom, or if the field cannot be told from others.
    """

    path: str
    share: float | None
    p_value: float | None
    levels: Sequence[MarginalMean]


@dataclass(frozen=True)
class FieldEffects:
    """The fields, the most important first, and the pairs whose interaction has a share. unexplained: the share that
    the additive model leaves, by interactions and by chance.
    """

    fields: Sequence[FieldEffect]
    interactions: Mapping[tuple[str, str], float]
    unexplained: float | None


def field_effects(
    swept: Sequence[Mapping[str, Any]],
    values: Sequence[float],
    *,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> FieldEffects:
    """Of each swept field, from the values of the fields and the metric's value of each candidate.

    lowest, highest: the metric's range, to which marginal means and their intervals are clipped. Without candidates
    there are no fields.
    """
    if not values:
        return FieldEffects([], {}, None)
    y = np.array(values, np.float64)
    paths = list(dict.fromkeys(path for each in swept for path in each))
    levels = {path: _levels([each.get(path) for each in swept]) for path in paths}
    varying = {path: coded for path, coded in levels.items() if len(coded.names) > 1}
    always = {path: coded for path, coded in varying.items() if ABSENT not in coded.names}
    whole, without_conditional = _Fit.of(varying, y), _Fit.of(always, y)
    fields = [
        _field(path, always, without_conditional, whole, y)
        if path in always
        else _field(path, varying, whole, whole, y)
        for path in varying
    ]
    fields = [
        replace(each, levels=[mean.clipped(lowest, highest) for mean in each.levels]) for each in fields
    ]
    ranked = sorted(fields, key=lambda each: -(each.share or 0.0))
    return FieldEffects(ranked, _interactions(always, without_conditional, y), whole.unexplained)


@dataclass(frozen=True, eq=False)
class _Levels:
    """The levels of a field, and which one each candidate has, (m,)."""

    names: list[str]
    codes: NDArray[np.int64]

    @property
    def dummies(self) -> Floats:
        """A column for each level but the first, (m, levels - 1)."""
        return np.asarray(self.codes[:, None] == np.arange(1, len(self.names)), np.float64)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The additive model: design (m, p), coefficients (p,), residual sum of squares and its degrees of freedom."""

    design: Floats
    columns: Mapping[str, slice]
    coefficients: Floats
    residual: float
    free: int
    total: float

    @staticmethod
    def of(fields: Mapping[str, _Levels], y: Floats) -> "_Fit":
        design, columns = _design(fields, len(y))
        coefficients, residual, rank = _least_squares(design, y)
        return _Fit(
            design, columns, coefficients, residual, len(y) - rank, float(((y - y.mean()) ** 2).sum())
        )

    @property
    def mean_square(self) -> float | None:
        return self.residual / self.free if self.free > 0 else None

    @property
    def unexplained(self) -> float | None:
        """The adjusted share of what is left: its mean square over that of the candidates."""
        if self.mean_square is None or self.total <= 0:
            return None
        return min(1.0, self.mean_square * (len(self.design) - 1) / self.total)

    def share(self, squares: float, degrees: int) -> float | None:
        """Omega squared of a sum of squares, at least 0."""
        if self.mean_square is None or degrees < 1 or self.total <= 0:
            return None
        return max(0.0, (squares - degrees * self.mean_square) / (self.total + self.mean_square))

    def p_value(self, squares: float, degrees: int) -> float | None:
        """Of the F test."""
        if not self.mean_square or degrees < 1:
            return None
        return f_tail(degrees, self.free, max(0.0, squares) / degrees / self.mean_square)


def _field(path: str, fields: Mapping[str, _Levels], fit: _Fit, whole: _Fit, y: Floats) -> FieldEffect:
    """Of a field within the model `fit` of these fields; the error is that of the whole model."""
    without, _ = _design({name: each for name, each in fields.items() if name != path}, len(y))
    _, residual, rank = _least_squares(without, y)
    squares, degrees = residual - fit.residual, len(y) - rank - fit.free
    share, p_value = whole.share(squares, degrees), whole.p_value(squares, degrees)
    return FieldEffect(path, share, p_value, _marginal_means(path, fields[path], fit))


def _marginal_means(path: str, coded: _Levels, fit: _Fit) -> list[MarginalMean]:
    """The fitted mean over all candidates, if each had this level."""
    inverse = np.linalg.pinv(fit.design.T @ fit.design)
    average = fit.design.mean(axis=0)
    means = []
    for level, name in enumerate(coded.names):
        row = average.copy()
        row[fit.columns[path]] = np.arange(1, len(coded.names)) == level
        mean, half_width = float(row @ fit.coefficients), _half_width(float(row @ inverse @ row), fit)
        ends = (None, None) if half_width is None else (mean - half_width, mean + half_width)
        means.append(MarginalMean(name, int((coded.codes == level).sum()), mean, *ends))
    return means


def _half_width(leverage: float, fit: _Fit) -> float | None:
    if fit.mean_square is None:
        return None
    return student_t_quantile(fit.free, 0.5 + LEVEL / 2) * math.sqrt(max(0.0, leverage * fit.mean_square))


def _interactions(fields: Mapping[str, _Levels], fit: _Fit, y: Floats) -> dict[tuple[str, str], float]:
    found = {}
    for a, b in combinations(fields, 2):
        products = fields[a].dummies[:, :, None] * fields[b].dummies[:, None, :]
        wider = np.hstack([fit.design, products.reshape(len(y), -1)])
        _, residual, rank = _least_squares(wider, y)
        degrees, free = fit.free - (len(y) - rank), len(y) - rank
        if degrees < 1 or free < 1 or fit.total <= 0:
            continue
        mean_square = residual / free
        share = (fit.residual - residual - degrees * mean_square) / (fit.total + mean_square)
        if share > 0:
            found[a, b] = share
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def _design(fields: Mapping[str, _Levels], rows: int) -> tuple[Floats, dict[str, slice]]:
    blocks, columns, start = [np.ones((rows, 1))], {}, 1
    for path, each in fields.items():
        blocks.append(each.dummies)
        columns[path] = slice(start, start := start + each.dummies.shape[1])
    return np.hstack(blocks), columns


def _least_squares(design: Floats, y: Floats) -> tuple[Floats, float, int]:
    """The coefficients of least length, the residual sum of squares, and the rank of the design."""
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    return np.asarray(coefficients, np.float64), float(((y - design @ coefficients) ** 2).sum()), int(rank)


def _levels(values: Sequence[Any]) -> _Levels:
    """Numbers in their order, and names in that of the candidates; what is not set, and what is rare, at the end."""
    present = [value for value in values if value is not None]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)
    if numeric and len(set(present)) > MOST_DISTINCT:
        order, level_of = _bins(np.array(present, np.float64))
    else:
        order, level_of = (
            [value_text(value) for value in (sorted(present) if numeric else present)],
            value_text,
        )
    names = [ABSENT if value is None else level_of(value) for value in values]
    counts = Counter(names)
    if len(counts) > MOST_LEVELS:
        kept = {name for name, _ in counts.most_common(MOST_LEVELS - 1)}
        names = [name if name in kept else OTHERS for name in names]
    found = [name for name in dict.fromkeys([*order, ABSENT, OTHERS]) if name in names]
    return _Levels(found, np.array([found.index(name) for name in names]))


def _bins(present: Floats) -> tuple[list[str], Callable[[float], str]]:
    """Quarters of the numbers: what they are called, and which one a number is in."""
    edges = np.quantile(present, np.arange(1, BINS) / BINS)
    ends = [present.min(), *edges, present.max()]
    labels = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(ends)]
    return labels, lambda value: labels[int(np.searchsorted(edges, value))]
