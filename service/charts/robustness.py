"""The report on corrupted rows as a heat map: corruptions in rows, severities in columns, shaded by what is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.charts.figure import LINE, MARGIN, Canvas, document, subtitle
from service.charts.svg import Markup, element, joined, label, short_label, text_width
from service.figure_text import figure_text

ROW = 26
DARKEST = 0.8
"""The opacity of a cell that has lost everything: a number on it stays readable."""


@dataclass(frozen=True)
class HeatCell:
    """One cell. lost: which share of the value on the rows as they are, from 0 to 1."""

    value: float
    lost: float


@dataclass(frozen=True)
class HeatRow:
    """One corruption, with its cells by severity and their mean."""

    name: str
    cells: Sequence[HeatCell]
    mean: HeatCell


@dataclass(frozen=True)
class RobustnessFigure:
    """Everything that the chart shows. A report that is not there yet has no rows; `message` says why."""

    title: str
    subtitle: str
    rows: Sequence[HeatRow]
    message: str = ""

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        below, top = subtitle(self.subtitle, canvas)
        names = 110 if canvas.is_narrow else 150
        columns = max((len(row.cells) for row in self.rows), default=5) + 1
        width = (canvas.width - 2 * MARGIN - names) / columns
        parts = [below]
        if self.rows:
            heads = [*(str(number) for number in range(1, columns)), "mean"]
            parts.append(label("severity", MARGIN, top + LINE, class_="faint"))
            for index, head in enumerate(heads):
                middle = MARGIN + names + (index + 0.5) * width
                parts.append(label(head, middle, top + LINE, text_anchor="middle", class_="faint"))
        else:
            parts.append(label(self.message, MARGIN, top + LINE, class_="faint"))
        begin = top + LINE + 8
        for index, row in enumerate(self.rows):
            parts.append(_row(row, MARGIN, begin + index * ROW, names, width))
        height = begin + len(self.rows) * ROW + MARGIN
        return document(
            canvas, height=height, title=self.title, description=self._description(), body=joined(*parts)
        )

    def _description(self) -> str:
        if not self.rows:
            return self.message
        worst = max(self.rows, key=lambda row: row.mean.lost)
        return f"{self.subtitle}. Worst on average: {worst.name}, {figure_text(worst.mean.value)}."


def _row(row: HeatRow, left: float, top: float, names: float, width: float) -> Markup:
    parts = [short_label(row.name, names - 8, left, top + ROW / 2 + 4)]
    for index, cell in enumerate([*row.cells, row.mean]):
        x = left + names + index * width
        parts.append(
            element(
                "rect",
                x=x,
                y=top,
                width=width - 1,
                height=ROW - 1,
                class_="cell",
                fill_opacity=f"{DARKEST * cell.lost:.2f}",
            )
        )
        parts.append(
            label(
                _fitting(cell.value, width),
                x + width / 2,
                top + ROW / 2 + 4,
                text_anchor="middle",
                font_size=10,
            )
        )
    return joined(*parts)


def _fitting(value: float, width: float) -> str:
    """A value in a cell: with two decimals if more would touch those beside it."""
    shown = figure_text(value)
    return f"{value:.2f}" if "e" not in shown and text_width(shown, 10) > width - 8 else shown
