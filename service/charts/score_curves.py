"""ROC and precision-recall curves: one line for each run, beside what guessing reaches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.charts.figure import NARROW, Area, Canvas, axes, document, legend, subtitle, unnamed
from service.charts.scale import Scale
from service.charts.svg import element, joined, path
from service.figure_text import figure_text

SIDE = 380
NAMED = 8
"""With more runs, only these have a look of their own and a place in the legend."""


@dataclass(frozen=True)
class ScoreCurve:
    """One run: its points, and the area under them with the interval, if it has one."""

    run: str
    points: Sequence[tuple[float, float]]
    area: float | None
    low: float | None = None
    high: float | None = None

    def said(self, name: str) -> str:
        """The run and its area, as a legend names it."""
        if self.area is None:
            return f"{self.run}: no {name}, all rows are of one class"
        interval = (
            f" [{figure_text(self.low)}, {figure_text(self.high)}]"
            if self.low is not None and self.high is not None
            else ""
        )
        return f"{self.run}: {name} {figure_text(self.area)}{interval}"


@dataclass(frozen=True)
class ScoreCurvesFigure:
    """Everything that the chart shows. area: its name; guessing: the two ends of the line that guessing reaches."""

    title: str
    subtitle: str
    x_title: str
    y_title: str
    area: str
    guessing: tuple[tuple[float, float], tuple[float, float]]
    curves: Sequence[ScoreCurve]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart. It is no wider than its square needs."""
        canvas = replace(canvas, width=min(canvas.width, NARROW))
        named = self.curves[:NAMED]
        entries = [(each.said(self.area), index) for index, each in enumerate(named)]
        below, begin = subtitle(self.subtitle, canvas)
        names, height = legend(entries, canvas.width, begin)
        side = min(SIDE, canvas.width - 90)
        top = begin + height + 16
        area = Area(Scale(0, 1, 62, 62 + side), Scale(0, 1, top + side, top))
        ends = [(area.x(x), area.y(y)) for x, y in self.guessing]
        body = [below, names, axes(area, self.x_title, self.y_title)]
        body.append(element("path", d=path(ends), class_="thin axis d2"))
        body += [area.line(each.points, index) for index, each in enumerate(self.curves)]
        body.append(unnamed(len(self.curves) - NAMED, area))
        return document(
            canvas,
            height=area.bottom + 48,
            title=self.title,
            description=self._description(),
            body=joined(*body),
        )

    def _description(self) -> str:
        said = "; ".join(each.said(self.area) for each in self.curves[:NAMED])
        return f"{self.y_title} over {self.x_title}. {said}. The dotted line is guessing."
