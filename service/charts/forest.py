"""A forest plot: values with their intervals, or differences around zero; of experiments, candidates or columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.charts.figure import LINE, MARGIN, Area, Canvas, document, subtitle
from service.charts.scale import Scale, span
from service.charts.svg import Markup, element, joined, label, path, short_label, text_width, wrapped_label
from service.figure_text import figure_text

ROW = 26
STACKED_ROW = 64
"""The name and the figures stand above their interval, where beside it they would leave no room for it."""
FIGURES = 190
LEAST_PLOT = 150
SECOND_LINE = 14
"""What a second line of names adds to each row."""
MOST_NAMES = 0.45
"""The share of the width that names may take; longer ones have two lines."""

Mark = Literal["square", "circle", "diamond"]


@dataclass(frozen=True)
class ForestRow:
    """One value: of what, and its interval; without a value, the reason. mark: its shape, which has a colour."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    reason: str
    mark: Mark = "square"


@dataclass(frozen=True)
class ForestFigure:
    """Everything that the chart shows. axis: what the values are.

    of_differences: values have a sign, and a line at zero. key: what each mark means, if there are several.
    """

    title: str
    subtitle: str
    axis: str
    rows: Sequence[ForestRow]
    of_differences: bool = True
    key: Sequence[tuple[Mark, str]] = ()

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        needed = max((text_width(each.name) for each in self.rows), default=0.0)
        beside = min(needed, canvas.width * MOST_NAMES) + 8
        is_stacked = canvas.is_narrow or canvas.width - beside - FIGURES < LEAST_PLOT
        room, names = (canvas.width - 2 * MARGIN, 0.0) if is_stacked else (beside - 8, beside)
        row = (STACKED_ROW if is_stacked else ROW) + (SECOND_LINE if needed > room else 0)
        below, begin = subtitle(self.subtitle, canvas)
        key, height = _key(self.key, canvas.width, begin)
        top = begin + height
        bottom = top + row * max(1, len(self.rows))
        x = Scale(*self._span(), MARGIN + names + 8, canvas.width - (MARGIN if is_stacked else FIGURES))
        area = Area(x, Scale(0, 1, bottom, top))
        body = [
            below,
            key,
            self._axis(area),
            *(
                _row(each, self._said(each), area, top + row * index, row, canvas, is_stacked=is_stacked)
                for index, each in enumerate(self.rows)
            ),
        ]
        if not self.rows:
            body.append(label("Nothing has a value yet.", MARGIN, top + 16))
        return document(
            canvas, height=bottom + 48, title=self.title, description=self._description(), body=joined(*body)
        )

    def _span(self) -> tuple[float, float]:
        ends = [v for each in self.rows for v in (each.low, each.high, each.value)]
        return span([*ends, 0.0] if self.of_differences else ends)

    def _axis(self, area: Area) -> Markup:
        parts = []
        for value, shown in area.x.ticks(4):
            at = area.x(value)
            parts.append(element("path", d=path([(at, area.top), (at, area.bottom)]), class_="grid"))
            parts.append(label(shown, at, area.bottom + 16, text_anchor="middle", class_="faint"))
        if self.of_differences:
            zero = area.x(0.0)
            parts.append(element("path", d=path([(zero, area.top), (zero, area.bottom)]), class_="axis thin"))
        parts.append(label(self.axis, area.left, area.bottom + 36, class_="faint"))
        return joined(*parts)

    def _description(self) -> str:
        return f"{self.subtitle}. " + " ".join(
            f"{each.name.strip()[:200]}: {self._said(each)}{self._meaning(each)}." for each in self.rows[:50]
        )

    def _meaning(self, each: ForestRow) -> str:
        meaning = dict(self.key).get(each.mark)
        return f", {meaning}" if meaning and each.value is not None else ""

    def _said(self, each: ForestRow) -> str:
        if each.value is None:
            return each.reason
        value, low, high = map(self._number, (each.value, each.low, each.high))
        return f"{value} [{low}, {high}]" if low and high else f"{value}, no interval"

    def _number(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{value:+.3f}" if self.of_differences else figure_text(value)


def _key(entries: Sequence[tuple[Mark, str]], width: float, top: float) -> tuple[Markup, float]:
    """The marks beside their meanings, in as many lines as they need, and the height of all."""
    parts: list[Markup] = []
    x, y = float(MARGIN), top
    for mark, meaning in entries:
        needed = 20 + text_width(meaning) + 14
        if x > MARGIN and x + needed > width:
            x, y = float(MARGIN), y + LINE
        parts += [_mark(mark, x + 6, y - 4), short_label(meaning, width - 2 * MARGIN - 20, x + 18, y)]
        x += needed
    return joined(*parts), (y - top + LINE if entries else 0.0)


def _mark(mark: Mark, x: float, y: float) -> Markup:
    match mark:
        case "square":
            return element("rect", x=x - 4, y=y - 4, width=8, height=8, class_="f0")
        case "circle":
            return element("circle", cx=x, cy=y, r=3.5, class_="ground s7")
        case "diamond":
            ends = [(x, y - 7), (x + 6, y), (x, y + 7), (x - 6, y)]
            return element("path", d=f"{path(ends)}Z", class_="f1")


def _row(
    each: ForestRow, said: str, area: Area, top: float, row: float, canvas: Canvas, *, is_stacked: bool
) -> Markup:
    y = top + row - ROW / 2
    room = canvas.width - 2 * MARGIN
    if is_stacked:
        parts = [
            wrapped_label(each.name, room, MARGIN, y - 34 - (row - STACKED_ROW) / 2, class_="halo"),
            label(said, MARGIN, y - 16, class_="faint halo"),
        ]
    else:
        y = top + row / 2
        parts = [
            wrapped_label(each.name, area.left - MARGIN, MARGIN, y + 4),
            short_label(said, room - area.right, area.right + 10, y + 4),
        ]
    if each.low is not None and each.high is not None:
        low, high = area.x(each.low), area.x(each.high)
        ends = "".join(path([(x, y - 4), (x, y + 4)]) for x in (low, high))
        parts.append(element("path", d=path([(low, y), (high, y)]) + ends, class_="whisker axis"))
    if each.value is not None:
        parts.append(_mark(each.mark, area.x(each.value), y))
    return joined(*parts)
