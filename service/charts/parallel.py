"""Parallel coordinates: a line for each candidate, through its place on the axis of each field and of the value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.charts.figure import LINE, MARGIN, Canvas, document, legend, line_class, subtitle
from service.charts.svg import Markup, element, joined, label, path, short_label, text

HEIGHT = 320
BETWEEN = 76
"""Pixels between two axes of a narrow chart, on which they lie one below the other."""
SIDE = 64
"""Room for the labels beside the first and the last axis."""
MOST_TITLES = 200
"""With more lines, they have no tooltips: these would make most of the file."""

Group = Literal["others", "top", "recommended"]
LOOKS: dict[Group, tuple[str, int, str, float | None]] = {
    "others": ("worse than the best", 7, "thin", 0.6),
    "top": ("top group", 0, "thin", None),
    "recommended": ("recommended", 1, "line", None),
}
"""The meaning, the series, the kind of line and its opacity, in the order in which the lines are drawn."""


@dataclass(frozen=True)
class ParallelAxis:
    """An axis: its name, and its ticks as shares of its length, from the lower end."""

    name: str
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class ParallelLine:
    """One candidate: what its tooltip says, and its place on each axis."""

    name: str
    places: Sequence[float]
    group: Group


@dataclass(frozen=True)
class ParallelFigure:
    """Everything that the chart shows. summary: what it shows, in words."""

    title: str
    subtitle: str
    summary: str
    axes: Sequence[ParallelAxis]
    lines: Sequence[ParallelLine]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        below, begin = subtitle(self.subtitle, canvas)
        present = {each.group for each in self.lines}
        key, height = legend([LOOKS[group][:2] for group in LOOKS if group in present], canvas.width, begin)
        top = begin + height + (8 if canvas.is_narrow else 2 * LINE)
        layout = _Layout(canvas, len(self.axes), top)
        drawn = [
            _line(each, layout, titled=len(self.lines) <= MOST_TITLES)
            for group in LOOKS
            for each in self.lines
            if each.group == group
        ]
        axes = [layout.axis(index, each) for index, each in enumerate(self.axes)]
        empty = [] if self.lines else [label("No candidate has succeeded yet.", MARGIN, begin + 8)]
        return document(
            canvas,
            height=layout.end + 24,
            title=self.title,
            description=f"{self.subtitle}. {self.summary}",
            body=joined(below, key, *drawn, *axes, *empty),
        )


class _Layout:
    """Where things are: axes stand side by side, or on a narrow chart lie one below the other."""

    def __init__(self, canvas: Canvas, axes: int, top: float) -> None:
        self._is_narrow, self._width, self._top = canvas.is_narrow, canvas.width, top
        self._step = (canvas.width - 2 * SIDE) / max(1, axes - 1)
        self.end = top + (BETWEEN * max(1, axes) if self._is_narrow else HEIGHT)

    def point(self, index: int, place: float) -> tuple[float, float]:
        """The pixel of a place on an axis."""
        if self._is_narrow:
            return MARGIN + 12 + place * (self._width - 2 * MARGIN - 24), self._top + BETWEEN * index + 28
        return SIDE + self._step * index, self.end - place * HEIGHT

    def axis(self, index: int, axis: ParallelAxis) -> Markup:
        """The line of an axis, its name and its labels."""
        start, end = self.point(index, 0), self.point(index, 1)
        parts = [element("path", d=path([start, end]), class_="axis line"), self._name(index, axis.name)]
        room = (self._width - 2 * MARGIN) / max(2, len(axis.ticks)) - 6
        for place, shown in axis.ticks:
            x, y = self.point(index, place)
            if self._is_narrow:
                anchor = "start" if place < 0.1 else "end" if place > 0.9 else "middle"
                at = {"start": start[0], "end": end[0], "middle": x}[anchor]
                parts.append(short_label(shown, room, at, y + 16, text_anchor=anchor, class_="faint halo"))
            else:
                parts.append(element("path", d=path([(x - 3, y), (x + 3, y)]), class_="axis whisker"))
                parts.append(short_label(shown, max(self._step - 12, 60), x + 6, y + 4, class_="halo"))
        return joined(*parts)

    def _name(self, index: int, name: str) -> Markup:
        x, y = self.point(index, 1)
        if self._is_narrow:
            return short_label(name, self._width - 2 * MARGIN, MARGIN, y - 10, class_="faint halo")
        # Every other name stands a line higher, so that each has twice the room.
        above = self._top - 8 - LINE * (index % 2)
        anchor, at = ("start", MARGIN) if index == 0 else ("middle", x)
        if self._step * index > self._width - 2 * SIDE - 1:
            anchor, at = "end", self._width - MARGIN
        return short_label(name, 2 * self._step - 16, at, above, text_anchor=anchor, class_="faint")


def _line(each: ParallelLine, layout: _Layout, *, titled: bool) -> Markup:
    points = [layout.point(index, place) for index, place in enumerate(each.places)]
    _, series, kind, opacity = LOOKS[each.group]
    title = (element("title", text(each.name[:120])),) if titled else ()
    return element("path", *title, d=path(points), class_=line_class(series, kind), stroke_opacity=opacity)
