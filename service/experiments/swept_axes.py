"""Axes for the values of swept fields: numbers on a linear or logarithmic scale, all else as categories."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.charts.parallel import ParallelAxis
from service.charts.scale import Scale
from workers.sweeps.field_effects import ABSENT
from workers.sweeps.ranges import value_text

DECADES = 1.5
"""Positive numbers that span more powers of ten than this are on a logarithmic scale."""
MOST_NUMBERS = 7
"""With more distinct numbers, the ticks are round numbers."""
MOST_CATEGORIES = 12
LEAST_GAP = 0.06
"""Between two ticks, as a share of the axis."""
ABSENT_ROOM = 0.14
"""Below the numbers of an axis, if some candidates do not have its field."""
SPREAD = 0.6
"""How much of the room of a category its lines take, so that they can be followed."""


@dataclass(frozen=True)
class SweptAxis:
    """An axis, and the place of each candidate on it."""

    axis: ParallelAxis
    places: Sequence[float]


def field_axis(name: str, values: Sequence[Any]) -> SweptAxis:
    """The axis of a field, from its value in each candidate, the best one first. None: the field does not exist."""
    present = [value for value in values if value is not None]
    if present and all(_is_number(value) for value in present) and len(set(present)) > 1:
        return _of_numbers(name, values, list(map(float, present)))
    return _of_categories(name, [ABSENT if value is None else value_text(value) for value in values])


def value_axis(name: str, values: Sequence[float], *, larger_is_better: bool) -> SweptAxis:
    """The axis of what the candidates are ranked by: the best end is above."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.04 or abs(high) * 0.1 or 0.5
    scale = Scale(low - room, high + room, *((0, 1) if larger_is_better else (1, 0)))
    return SweptAxis(
        ParallelAxis(name, [(scale(at), shown) for at, shown in scale.ticks(5)]), [*map(scale, values)]
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_numbers(name: str, values: Sequence[Any], present: Sequence[float]) -> SweptAxis:
    low, high = min(present), max(present)
    is_log = low > 0 and high / low > 10**DECADES
    change: Callable[[float], float] = math.log10 if is_log else float
    begin = ABSENT_ROOM if len(present) < len(values) else 0.0
    scale = Scale(change(low), change(high), begin, 1.0)
    distinct = sorted(set(present))
    if len(distinct) <= MOST_NUMBERS:
        ticks = [(scale(change(value)), f"{value:g}") for value in distinct]
    elif is_log:
        powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        ticks = [(scale(power), f"{10.0**power:g}") for power in powers]
    else:
        ticks = [(scale(value), shown) for value, shown in scale.ticks(5)]
    if begin:
        ticks = [(0.0, ABSENT), *ticks]
    places = [0.0 if value is None else scale(change(value)) for value in values]
    return SweptAxis(ParallelAxis(f"{name} (log scale)" if is_log else name, _apart(ticks)), places)


def _of_categories(name: str, values: Sequence[str]) -> SweptAxis:
    """Each category has a part of the axis. Within it, the lines of better candidates are higher."""
    order = sorted(dict.fromkeys(values), key=lambda value: (value != ABSENT, value))
    room = 1 / max(1, len(order))
    middles = {value: (index + 0.5) * room for index, value in enumerate(order)}
    members = {value: [i for i, each in enumerate(values) if each == value] for value in order}
    places = [0.0] * len(values)
    for value, rows in members.items():
        for rank, row in enumerate(rows):
            share = 0.5 - (rank + 0.5) / len(rows)
            places[row] = middles[value] + share * SPREAD * room
    shown = order if len(order) <= MOST_CATEGORIES else order[:: math.ceil(len(order) / MOST_CATEGORIES)]
    return SweptAxis(ParallelAxis(name, [(middles[value], value) for value in shown]), places)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The ticks whose labels do not touch the one before."""
    kept: list[tuple[float, str]] = []
    for each in ticks:
        if not kept or each[0] - kept[-1][0] >= LEAST_GAP:
            kept.append(each)
    return kept
