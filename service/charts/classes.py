"""The accuracy of each class, or the error of each bin of numbers, as bars: with intervals, rows, and a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.charts.figure import LINE, MARGIN, NO_EPOCH, Area, Canvas, document, line_class, subtitle
from service.charts.scale import Scale, span
from service.charts.svg import Markup, element, joined, label, path, short_label, text_width
from service.figure_text import figure_text

BAR, THIN_BAR = 24, 15
MANY = 40
"""With more classes, bars are thinner."""


@dataclass(frozen=True)
class ClassBar:
    """One class or bin. value: its recall or error, None without rows. low, high: its interval. baseline: there."""

    name: str
    support: int
    value: float | None
    low: float | None
    high: float | None
    baseline: float | None


@dataclass(frozen=True)
class ClassesFigure:
    """Everything that the chart shows. subtitle: of what and on which rows; baseline: its name, if there is one.

    highest: the largest value that there can be; None of errors, which have none.
    """

    title: str
    subtitle: str
    baseline: str | None
    bars: Sequence[ClassBar]
    highest: float | None = 1.0

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        bar = BAR if len(self.bars) <= MANY else THIN_BAR
        longest = max((text_width(each.name) for each in self.bars), default=0.0) + 12
        names = min(max(longest, 24), 92 if canvas.is_narrow else canvas.width * 0.3)
        below, begin = subtitle(self.subtitle, canvas)
        top = begin + LINE
        figures = max(
            (text_width(figure_text(each.value)) for each in self.bars if each.value is not None), default=0.0
        )
        x = Scale(0, self._end(), MARGIN + names, canvas.width - 60 - max(figures, 40.0))
        area = Area(x, Scale(0, 1, top + bar * max(1, len(self.bars)), top))
        rows = canvas.width - 16
        body = [
            below,
            _guides(area, rows),
            *(_row(each, area, rows, top + bar * (index + 0.5), bar) for index, each in enumerate(self.bars)),
        ]
        if not self.bars:
            body.append(label(NO_EPOCH, area.left, area.top + 16))
        if self.baseline:
            body.append(_key(self.baseline, area.bottom + 36, canvas))
        return document(
            canvas,
            height=area.bottom + (48 if self.baseline else 30),
            title=self.title,
            description=self._description(),
            body=joined(*body),
        )

    def _end(self) -> float:
        """Where the scale ends."""
        if self.highest is not None:
            return self.highest
        values = [value for each in self.bars for value in (each.value, each.high, each.baseline)]
        return span(values, lowest=0.0)[1]

    def _description(self) -> str:
        known = [each for each in self.bars if each.value is not None]
        if not known:
            return "No class has a value yet."
        worst = min(known, key=lambda each: each.value or 0.0)
        best = max(known, key=lambda each: each.value or 0.0)
        return (
            f"{self.subtitle}. {len(self.bars)} classes. Lowest: {_said(worst)}. Highest: {_said(best)}. "
            "Whiskers are 95 % intervals."
        )


def _said(bar: ClassBar) -> str:
    interval = (
        f", interval {figure_text(bar.low)} to {figure_text(bar.high)}"
        if bar.low is not None and bar.high is not None
        else ""
    )
    return f"{bar.name[:100]} with {figure_text(bar.value or 0.0)}{interval}, {bar.support:,} rows"


def _guides(area: Area, rows: float) -> Markup:
    parts = []
    for value, shown in area.x.ticks(4 if area.right - area.left > 200 else 2):
        at = area.x(value)
        parts.append(element("path", d=path([(at, area.top), (at, area.bottom)]), class_="grid"))
        parts.append(label(shown, at, area.top - 6, text_anchor="middle", class_="faint"))
    parts.append(label("rows", rows, area.top - 6, text_anchor="end", class_="faint"))
    return joined(*parts)


def _row(bar: ClassBar, area: Area, rows: float, y: float, size: float) -> Markup:
    """A class. rows: where its number of rows ends; its value ends before it."""
    thick = size * 0.62
    parts = [short_label(bar.name, area.left - MARGIN - 8, area.left - 8, y + 4, text_anchor="end")]
    if bar.value is not None:
        width = max(0.5, area.x(bar.value) - area.left)
        parts.append(
            element(
                "rect",
                x=area.left,
                y=y - thick / 2,
                width=width,
                height=thick,
                class_="f0",
                fill_opacity=0.45,
            )
        )
        parts.append(label(figure_text(bar.value), rows - 44, y + 4, text_anchor="end"))
    else:
        parts.append(label("no rows", rows - 44, y + 4, text_anchor="end", class_="faint"))
    if bar.low is not None and bar.high is not None:
        parts.append(_whisker(area.x(bar.low), area.x(bar.high), y, thick / 3))
    if bar.baseline is not None:
        at = area.x(bar.baseline)
        parts.append(element("path", d=path([(at, y - thick / 2), (at, y + thick / 2)]), class_="line s1"))
    parts.append(label(f"{bar.support:,}", rows, y + 4, text_anchor="end", class_="faint"))
    return joined(*parts)


def _whisker(low: float, high: float, y: float, half: float) -> Markup:
    ends = "".join(path([(at, y - half), (at, y + half)]) for at in (low, high))
    return element("path", d=path([(low, y), (high, y)]) + ends, class_="whisker axis")


def _key(baseline: str, y: float, canvas: Canvas) -> Markup:
    line = element(
        "path", d=path([(MARGIN + 4, y - 10), (MARGIN + 4, y + 2)]), class_=line_class(1).replace("d1", "")
    )
    return joined(line, short_label(f"baseline: {baseline}", canvas.width - 40, MARGIN + 14, y))
