"""Scales: from values to pixels, with round ticks."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
WIDEST = 4e307
"""The largest value of an axis: with room on both sides, its width is still a number."""


@dataclass(frozen=True)
class Scale:
    """A linear scale from [low, high] to [start, end] pixels. `start` may lie behind `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value. Values outside are put at the nearer end."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self, most: int, *, least_step: float = 0.0) -> list[tuple[float, str]]:
        """At most `most` + 1 round values from `low` to `high`, each with its label."""
        step = max(_step((self.high - self.low) / max(1, most)), least_step)
        if least_step >= 1 and step != int(step):
            step = _step(1.2 * step)  # of whole numbers: 5 in place of 2.5
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [(index * step, _tick_label(index * step, step)) for index in range(first, last + 1)]


def finite(values: Iterable[float | None]) -> Iterator[float]:
    """The values that are numbers."""
    return (value for value in values if value is not None and math.isfinite(value))


def span(
    values: Iterable[float | None], *, lowest: float = -math.inf, highest: float = math.inf
) -> tuple[float, float]:
    """The ends of an axis that shows these values, with some room, but not beyond `lowest` and `highest`."""
    found = [min(max(value, -WIDEST), WIDEST) for value in finite(values)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
    low, high = max(lowest, low - room), min(highest, high + room)
    return (
        (low, high)
        if math.isfinite(high - low) and low < high
        else (low, math.nextafter(low, math.inf) + 1.0)
    )


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))


def _tick_label(value: float, step: float) -> str:
    if abs(value) >= 1e6 or step < 1e-5:
        return f"{value:.3g}"
    decimals = next((n for n in range(6) if math.isclose(step * 10**n, round(step * 10**n), rel_tol=1e-6)), 6)
    return f"{value + 0.0:,.{decimals}f}"
