"""A forest plot: differences with their intervals around zero, of pairs of experiments or of columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.charts.figure import MARGIN, Area, Canvas, document, subtitle
from service.charts.scale import Scale, span
from service.charts.svg import Markup, element, joined, label, path, short_label

ROW = 26
NARROW_ROW = 64
"""The name and the figures stand above their interval."""


@dataclass(frozen=True)
class ForestRow:
    """One difference: of what, its value, and its interval; without a value, the reason."""

    name: str
    difference: float | None
    low: float | None
    high: float | None
    reason: str


@dataclass(frozen=True)
class ForestFigure:
    """Everything that the chart shows. axis: what the values are."""

    title: str
    subtitle: str
    axis: str
    rows: Sequence[ForestRow]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        names = 0 if canvas.is_narrow else canvas.width * 0.34
        row = NARROW_ROW if canvas.is_narrow else ROW
        below, top = subtitle(self.subtitle, canvas)
        ends = [v for each in self.rows for v in (each.low, each.high, each.difference)]
        bottom = top + row * max(1, len(self.rows))
        x = Scale(
            *span([*ends, 0.0]), MARGIN + names + 8, canvas.width - (MARGIN if canvas.is_narrow else 190)
        )
        area = Area(x, Scale(0, 1, bottom, top))
        body = [
            below,
            _axis(area, self.axis),
            *(_row(each, area, top + row * index, row, canvas) for index, each in enumerate(self.rows)),
        ]
        return document(
            canvas, height=bottom + 48, title=self.title, description=self._description(), body=joined(*body)
        )

    def _description(self) -> str:
        return f"{self.subtitle}. " + " ".join(
            f"{each.name[:200]}: {_said(each)}." for each in self.rows[:50]
        )


def _said(each: ForestRow) -> str:
    if each.difference is None:
        return each.reason
    if each.low is None or each.high is None:
        return f"{each.difference:+.3f}, no interval"
    return f"{each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"


def _axis(area: Area, title: str) -> Markup:
    parts = []
    for value, shown in area.x.ticks(4):
        at = area.x(value)
        parts.append(element("path", d=path([(at, area.top), (at, area.bottom)]), class_="grid"))
        parts.append(label(shown, at, area.bottom + 16, text_anchor="middle", class_="faint"))
    zero = area.x(0.0)
    parts.append(element("path", d=path([(zero, area.top), (zero, area.bottom)]), class_="axis thin"))
    parts.append(label(title, area.left, area.bottom + 36, class_="faint"))
    return joined(*parts)


def _row(each: ForestRow, area: Area, top: float, row: float, canvas: Canvas) -> Markup:
    y = top + row - ROW / 2
    room = canvas.width - 2 * MARGIN
    if canvas.is_narrow:
        parts = [
            short_label(each.name, room, MARGIN, y - 34, class_="halo"),
            label(_said(each), MARGIN, y - 16, class_="faint halo"),
        ]
    else:
        parts = [
            short_label(each.name, area.left - MARGIN - 16, MARGIN, y + 4),
            short_label(_said(each), room - area.right, area.right + 10, y + 4),
        ]
    if each.low is not None and each.high is not None:
        low, high = area.x(each.low), area.x(each.high)
        ends = "".join(path([(x, y - 4), (x, y + 4)]) for x in (low, high))
        parts.append(element("path", d=path([(low, y), (high, y)]) + ends, class_="whisker axis"))
    if each.difference is not None:
        parts.append(element("rect", x=area.x(each.difference) - 4, y=y - 4, width=8, height=8, class_="f0"))
    return joined(*parts)
