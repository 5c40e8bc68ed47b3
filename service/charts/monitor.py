"""A monitor over time: how close each batch came to an alarm, by both comparisons; alarms as dots."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.charts.figure import Area, Canvas, axes, document, legend, subtitle
from service.charts.scale import Scale
from service.charts.svg import Markup, joined, label

HEIGHT = 220
HIGHEST = 2.0
"""Of the axis: what is beyond is drawn there."""
NAMES = ("against the validation rows", "against the rows before")


@dataclass(frozen=True)
class BatchPoint:
    """One batch. closeness: of each comparison, from 0 to 1 where it raises an alarm, and beyond."""

    number: int
    closeness: tuple[float, float]
    is_alarm: bool


@dataclass(frozen=True)
class MonitorFigure:
    """Everything that the chart shows."""

    title: str
    subtitle: str
    batches: Sequence[BatchPoint]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        below, top = subtitle(self.subtitle, canvas)
        entries = [(name, series) for series, name in enumerate(NAMES)]
        names, height = legend([*entries, ("alarm", 3)], canvas.width, top)
        area = self._area(canvas, top + height + 16)
        body = [
            below,
            names,
            axes(area, "batch", "closeness to an alarm", least_step=1),
            area.horizontal(1, 3),
        ]
        body += [
            area.line([(each.number, each.closeness[series]) for each in self.batches], series)
            for series in range(len(NAMES))
        ]
        body += [self._alarm(area, each) for each in self.batches if each.is_alarm]
        if not self.batches:
            body.append(label("No batch has been tested yet.", area.left + 12, area.top + 24))
        description = self._description()
        return document(
            canvas, height=area.bottom + 48, title=self.title, description=description, body=joined(*body)
        )

    def _area(self, canvas: Canvas, top: float) -> Area:
        numbers = [each.number for each in self.batches] or [1]
        first, last = min(numbers), max(numbers)
        height = HEIGHT * (0.8 if canvas.is_narrow else 1)
        x = Scale(first - 1 if first == last else first, last + (first == last), 62, canvas.width - 20)
        return Area(x, Scale(0, HIGHEST, top + height, top))

    @staticmethod
    def _alarm(area: Area, batch: BatchPoint) -> Markup:
        return area.dot(batch.number, max(batch.closeness), 3)

    def _description(self) -> str:
        if not self.batches:
            return "No batch has been tested yet."
        alarms = [str(each.number) for each in self.batches if each.is_alarm]
        raised = f"Batches with an alarm: {', '.join(alarms[:20])}" if alarms else "No batch raised an alarm"
        more = f" and {len(alarms) - 20} more" if len(alarms) > 20 else ""
        return f"{self.subtitle}. {raised}{more}."
