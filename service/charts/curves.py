"""The curves of an experiment: a metric of training and validation, epoch by epoch, seeds as a band."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.charts.figure import NO_EPOCH, Area, Canvas, axes, document, legend, line_class, subtitle
from service.charts.scale import Scale, finite, span
from service.charts.svg import Markup, element, joined, label, path
from service.charts.theme import SERIES
from service.figure_text import figure_text
from workers.evaluation.metrics.titles import in_words

HEIGHT = 300

FAR = 4
"""From how many times the epochs that have ended on the axis ends before the planned ones."""


@dataclass(frozen=True)
class Point:
    """A metric at one epoch, or at a few beside each other: its mean over the runs, the least and the largest."""

    epoch: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One line of the chart. series: its colour."""

    name: str
    series: int
    points: Sequence[Point]


@dataclass(frozen=True)
class CurvesFigure:
    """Everything that the chart shows. lowest, highest: the range of the metric; epochs: those that are planned.

    runs: of each curve, or of the one that has most; is_same_number: whether all have as many.
    selected: the epochs that runs have selected. levels: values of baselines, with their names.
    """

    title: str
    subtitle: str
    metric: str
    lowest: float
    highest: float
    epochs: int
    runs: int
    curves: Sequence[Curve]
    selected: Sequence[int]
    levels: Sequence[tuple[str, float]]
    is_same_number: bool = True

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        shown = [Curve(each.name, each.series, _finite(each.points)) for each in self.curves]
        entries = [(each.name, each.series) for each in shown if each.points]
        entries += [(f"{name}, baseline", 4 + index) for index, (name, _) in enumerate(self.levels)]
        below, top = subtitle(self.subtitle, canvas)
        names, height = legend(entries, canvas.width, top)
        area = self._area(shown, canvas, top + height + 16)
        body = [below, names, axes(area, "epoch", in_words(self.metric), least_step=1)]
        body += [area.horizontal(value, 4 + index) for index, (_, value) in enumerate(self.levels)]
        body += [_band(area, each) for each in shown if self.runs > 1]
        body += [area.line([(p.epoch, p.mean) for p in each.points], each.series) for each in shown]
        body += [_selection(area, self.selected)]
        if missing := self._missing(shown):
            quarter = area.top + (area.bottom - area.top) / 4  # baselines lie at the ends, or in the middle
            body.append(label(missing, area.left + 12, quarter, class_="halo"))
        return document(
            canvas,
            height=area.bottom + 48,
            title=self.title,
            description=self._description(shown),
            body=joined(*body),
        )

    def _area(self, curves: Sequence[Curve], canvas: Canvas, top: float) -> Area:
        values = [end for curve in curves for p in curve.points for end in (p.low, p.high)]
        values += [value for _, value in self.levels]
        low, high = span(values, lowest=self.lowest, highest=self.highest)
        done = max((p.epoch for curve in curves for p in curve.points), default=0)
        far = done and self.epochs > FAR * done  # an axis of all epochs would show a line straight up
        last = 2 * done if far else max(self.epochs, done)
        height = HEIGHT * (0.8 if canvas.is_narrow else 1)
        return Area(Scale(0, max(last, 1), 62, canvas.width - 20), Scale(low, high, top + height, top))

    def _missing(self, curves: Sequence[Curve]) -> str | None:
        """What is said in place of curves: baselines are known before the first epoch ends."""
        if any(each.points for each in curves):
            return None
        return "No epoch has a finite value." if any(each.points for each in self.curves) else NO_EPOCH

    def _description(self, curves: Sequence[Curve]) -> str:
        metric = in_words(self.metric)
        sentences = [missing] if (missing := self._missing(curves)) else []
        sentences += [
            f"{each.name}: {metric} from {figure_text(each.points[0].mean)} at epoch {each.points[0].epoch:.0f} "
            f"to {figure_text(each.points[-1].mean)} at epoch {each.points[-1].epoch:.0f}."
            for each in curves
            if each.points
        ]
        sentences += [f"Baseline {name}: {figure_text(value)}." for name, value in self.levels]
        if self.runs > 1 and not missing:
            number = f"of {self.runs}" if self.is_same_number else "over the"
            sentences.append(f"Lines are means {number} runs; bands reach from the least to the largest.")
        if self.selected:
            sentences.append(f"Selected epochs: {', '.join(map(str, sorted(set(self.selected))))}.")
        return " ".join(sentences)


def _finite(points: Sequence[Point]) -> list[Point]:
    return [each for each in points if len([*finite((each.mean, each.low, each.high))]) == 3]


def _band(area: Area, curve: Curve) -> Markup:
    if len(curve.points) < 2:
        return Markup()
    above = [(area.x(p.epoch), area.y(p.high)) for p in curve.points]
    below = [(area.x(p.epoch), area.y(p.low)) for p in reversed(curve.points)]
    return element("path", d=f"{path(above + below)}Z", class_=f"band f{curve.series % SERIES}")


def _selection(area: Area, epochs: Sequence[int]) -> Markup:
    """A line at each selected epoch, and a name at the last."""
    if not epochs:
        return Markup()
    places = sorted({area.x(epoch) for epoch in epochs})
    marks = [
        element("path", d=path([(at, area.top), (at, area.bottom)]), class_=line_class(7, "thin"))
        for at in places
    ]
    is_right = places[-1] > (area.left + area.right) / 2
    name = "selected epoch" if len(places) == 1 else "selected epochs"
    anchor, at = ("end", places[0] - 5) if is_right else ("start", places[-1] + 5)
    return joined(*marks, label(name, at, area.bottom - 6, text_anchor=anchor, class_="faint halo"))
