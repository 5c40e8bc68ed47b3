"""The frame of a chart: the document with its text alternative, the title, axes, a legend."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.charts.scale import Scale
from service.charts.svg import (
    Markup,
    abbreviated,
    element,
    joined,
    label,
    path,
    short_label,
    text,
    text_width,
    wrapped,
)
from service.charts.theme import DASHES, SERIES, Theme, style

WIDTH = 720
NARROW = 480
MARGIN = 12
TOP = 34
"""The height of the title."""
LINE = 18
"""The height of a line of text."""
BESIDE = 18
"""The room beside an area, into which the last label of its axis may reach."""
NO_EPOCH = "No epoch has ended yet."


@dataclass(frozen=True)
class Canvas:
    """How a chart is drawn: its width in pixels and its colours."""

    width: int = WIDTH
    theme: Theme = "auto"

    @property
    def is_narrow(self) -> bool:
        return self.width < NARROW


@dataclass(frozen=True)
class Area:
    """The rectangle between the axes."""

    x: Scale
    y: Scale

    @property
    def left(self) -> float:
        return self.x.start

    @property
    def right(self) -> float:
        return self.x.end

    @property
    def top(self) -> float:
        return self.y.end

    @property
    def bottom(self) -> float:
        return self.y.start

    def line(self, points: Sequence[tuple[float, float]], series: int, kind: str = "line") -> Markup:
        """A line through points given by their values. A single point is a dot."""
        placed = [(self.x(x), self.y(y)) for x, y in points]
        if len(placed) == 1:
            return self.dot(*points[0], series)
        return element("path", d=path(placed), class_=line_class(series, kind)) if placed else Markup()

    def dot(self, x: float, y: float, series: int) -> Markup:
        return element("circle", cx=self.x(x), cy=self.y(y), r=3, class_=f"f{series % SERIES}")

    def horizontal(self, y: float, series: int) -> Markup:
        """A thin line over the whole width."""
        at = self.y(y)
        return element("path", d=path([(self.left, at), (self.right, at)]), class_=line_class(series, "thin"))


def line_class(series: int, kind: str = "line") -> str:
    """The classes of a line: the colour and the dashes of its series."""
    return f"{kind} s{series % SERIES} d{series % len(DASHES)}"


def document(canvas: Canvas, *, height: float, title: str, description: str, body: Markup) -> str:
    """The whole chart. Screen readers get the title and the description."""
    return element(
        "svg",
        element("title", text(title), id="title"),
        element("desc", text(description), id="description"),
        element("style", Markup(style(canvas.theme))),
        element("rect", width="100%", height="100%", class_="ground"),
        short_label(title, (canvas.width - 2 * MARGIN) * 0.78, MARGIN, 22, class_="title"),
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {canvas.width} {height:.0f}",
        width=canvas.width,
        height=round(height),
        role="img",
        aria_labelledby="title description",
    )


def subtitle(value: str, canvas: Canvas) -> tuple[Markup, float]:
    """The lines below the title, and where the next thing may begin."""
    lines = wrapped(value, canvas.width - 2 * MARGIN)
    shown = [label(line, MARGIN, TOP + 8 + LINE * index, class_="faint") for index, line in enumerate(lines)]
    return joined(*shown), TOP + 8 + LINE * len(lines)


def axes(area: Area, x_title: str, y_title: str, *, least_step: float = 0.0) -> Markup:
    """Grid lines, ticks with their labels, and the titles of both axes. That of y stands above it, readable.

    least_step: of ticks along x.
    """
    room = area.right - area.left
    parts = [label(y_title, MARGIN, area.top - 10, class_="faint")]
    for value, shown in area.y.ticks(6):
        at = area.y(value)
        parts.append(element("path", d=path([(area.left, at), (area.right, at)]), class_="grid"))
        parts.append(label(shown, area.left - 6, at + 4, text_anchor="end", class_="faint"))
    for value, shown in area.x.ticks(max(2, int(room // 70)), least_step=least_step):
        at = area.x(value)
        parts.append(element("path", d=path([(at, area.bottom), (at, area.bottom + 4)]), class_="axis"))
        inside = min(at, area.right + BESIDE - text_width(shown) / 2)
        parts.append(label(shown, inside, area.bottom + 18, text_anchor="middle", class_="faint"))
    parts.append(
        element("path", d=path([(area.left, area.bottom), (area.right, area.bottom)]), class_="axis")
    )
    parts.append(label(x_title, area.right, area.bottom + 36, text_anchor="end", class_="faint"))
    return joined(*parts)


def unnamed(runs: int, area: Area) -> Markup:
    """How many runs are drawn that the legend does not name, in a corner of the area."""
    if runs <= 0:
        return Markup()
    text = f"and {runs} more run{'' if runs == 1 else 's'}"
    return label(text, area.right - 6, area.bottom - 8, text_anchor="end", class_="faint")


def legend(entries: Sequence[tuple[str, int]], width: float, top: float) -> tuple[Markup, float]:
    """The names of series beside a piece of their line, in as many lines as they need, and the height of all."""
    parts: list[Markup] = []
    x, y = float(MARGIN), top
    for name, series in entries:
        shown = abbreviated(name, width - 2 * MARGIN - 34)
        needed = 34 + text_width(shown) + 14
        if x > MARGIN and x + needed > width:
            x, y = float(MARGIN), y + LINE
        parts.append(element("path", d=path([(x, y - 4), (x + 26, y - 4)]), class_=line_class(series)))
        parts.append(short_label(name, width - 2 * MARGIN - 34, x + 32, y))
        x += needed
    return joined(*parts), (y - top + LINE if entries else 0.0)
