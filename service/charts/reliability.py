"""A reliability diagram: how often the model is right, by how sure it is, and how many rows that concerns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.charts.figure import NARROW, Area, Canvas, axes, document, legend, subtitle, unnamed
from service.charts.scale import Scale, finite
from service.charts.svg import Markup, element, joined, label, path
from service.figure_text import figure_text

SIDE = 380
STRIP = 64
"""The height of the histogram below."""
NAMED = 8


@dataclass(frozen=True)
class Bin:
    """Rows whose predicted class has a probability in (low, high]."""

    low: float
    high: float
    rows: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class CalibratedRun:
    """One run: its expected calibration error and its bins."""

    run: str
    error: float
    bins: Sequence[Bin]


@dataclass(frozen=True)
class ReliabilityFigure:
    """Everything that the chart shows."""

    title: str
    subtitle: str
    runs: Sequence[CalibratedRun]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart. It is no wider than its square needs."""
        canvas = replace(canvas, width=min(canvas.width, NARROW))
        entries = [
            (f"{each.run}: ECE {figure_text(each.error)}", index)
            for index, each in enumerate(self.runs[:NAMED])
        ]
        below, begin = subtitle(self.subtitle, canvas)
        names, height = legend(entries, canvas.width, begin)
        side, top = min(SIDE, canvas.width - 90), begin + height + 16
        area = Area(Scale(0, 1, 62, 62 + side), Scale(0, 1, top + side, top))
        ends = [(area.left, area.bottom), (area.right, area.top)]
        body = [below, names, axes(area, "probability of the predicted class", "share predicted correctly")]
        body.append(element("path", d=path(ends), class_="thin axis d2"))
        for index, run in enumerate(self.runs):
            points = [
                (b.confidence, b.accuracy)
                for b in run.bins
                if len([*finite((b.confidence, b.accuracy))]) == 2
            ]
            shown = [(x, y) for x, y in points if x is not None and y is not None]
            body.append(area.line(shown, index))
            body += [area.dot(x, y, index) for x, y in shown]
        body += [_histogram(self.runs, area), unnamed(len(self.runs) - NAMED, area)]
        return document(
            canvas,
            height=area.bottom + 56 + STRIP,
            title=self.title,
            description=self._description(),
            body=joined(*body),
        )

    def _description(self) -> str:
        said = "; ".join(
            f"{each.run}: expected calibration error {figure_text(each.error)}" for each in self.runs[:NAMED]
        )
        return f"{said}. On the dotted diagonal, the model is right as often as it says. Below: rows in each bin."


def _histogram(runs: Sequence[CalibratedRun], area: Area) -> Markup:
    """The rows of each bin, over all runs, as bars below the diagram."""
    totals: dict[tuple[float, float], int] = {}
    for run in runs:
        for each in run.bins:
            totals[each.low, each.high] = totals.get((each.low, each.high), 0) + each.rows
    most, bottom = max(totals.values(), default=0), area.bottom + 48 + STRIP
    bars = [
        element(
            "rect",
            x=area.x(low) + 1,
            y=bottom - (STRIP - 20) * rows / most,
            width=max(1.0, area.x(high) - area.x(low) - 2),
            height=(STRIP - 20) * rows / most,
            class_="f7",
            fill_opacity=0.5,
        )
        for (low, high), rows in totals.items()
        if rows
    ]
    return joined(label(f"rows (at most {most:,})", area.left, bottom - STRIP + 14, class_="faint"), *bars)
