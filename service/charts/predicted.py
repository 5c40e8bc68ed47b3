"""Predicted against true numbers as a two-dimensional histogram, and the quantiles of the errors below it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.charts.figure import LINE, NARROW, Area, Canvas, axes, document, subtitle
from service.charts.scale import Scale, span
from service.charts.svg import Markup, element, joined, label, path
from service.figure_text import figure_text
from service.png import png

SIDE = 400
STRIP = 96
"""The height of the errors below."""
DARKEST = 0.85
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class PredictedFigure:
    """Everything that the chart shows. counts: (B, B), rows of the target (ascending) and columns of the prediction.

    low, high: the ends of both axes. errors: prediction minus target, at QUANTILES; none without rows.
    """

    title: str
    subtitle: str
    low: float
    high: float
    counts: NDArray[np.int64]
    errors: Sequence[float]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart. It is no wider than its square needs."""
        canvas = replace(canvas, width=min(canvas.width, NARROW))
        below, begin = subtitle(self.subtitle, canvas)
        side, top = min(SIDE, canvas.width - 90), begin + LINE + 8
        area = Area(Scale(self.low, self.high, 70, 70 + side), Scale(self.low, self.high, top + side, top))
        diagonal = path([(area.left, area.bottom), (area.right, area.top)])
        body = [
            below,
            axes(area, "true number", "predicted number"),
            _cells(self.counts, area),
            element("path", d=diagonal, class_="thin axis d2"),
            _errors(self.errors, area),
        ]
        return document(
            canvas,
            height=area.bottom + 56 + STRIP,
            title=self.title,
            description=self._description(),
            body=joined(*body),
        )

    def _description(self) -> str:
        if not self.errors:
            return "No run has predictions yet."
        said = ", ".join(
            f"{q:.0%} are at most {figure_text(e)}" for q, e in zip(QUANTILES, self.errors, strict=True)
        )
        rows = int(self.counts.sum())
        return (
            f"{self.subtitle}. {rows:,} predictions; on the dotted diagonal they equal the true number. "
            f"Of the errors, prediction minus true number, {said}."
        )


def _cells(counts: NDArray[np.int64], area: Area) -> Markup:
    """The cells as a mask, so that they have the colour of the theme. A root keeps single rows visible."""
    most = int(counts.max(initial=0))
    if not most:
        return Markup()
    shade = np.sqrt(counts.T[::-1] / most)  # the prediction grows upwards
    grey = np.where(counts.T[::-1] > 0, 255 * DARKEST * np.maximum(shade, 0.25), 0).astype(np.uint8)
    picture = base64.b64encode(png(grey)).decode()
    place = {"x": area.left, "y": area.top, "width": area.right - area.left, "height": area.bottom - area.top}
    image = element(
        "image",
        **place,
        href=f"data:image/png;base64,{picture}",
        preserveAspectRatio="none",
        class_="pixels",
    )
    return joined(
        element("mask", image, id="cells"), element("rect", **place, class_="cell", mask="url(#cells)")
    )


def _errors(errors: Sequence[float], area: Area) -> Markup:
    """A box from the first to the third quartile, with lines to the outer quantiles, and zero."""
    top = area.bottom + 62
    if not errors:
        return label("No run has predictions yet.", area.left, top, class_="faint")
    low, high = span([*errors, 0.0])
    x, y = Scale(low, high, area.left, area.right), top + 26
    first, quarter, median, third, last = map(x, errors)
    box = element(
        "rect",
        x=quarter,
        y=y - 9,
        width=max(0.5, third - quarter),
        height=18,
        class_="f0",
        fill_opacity=0.45,
    )
    ticks = [
        label(shown, x(value), y + 32, text_anchor="middle", class_="faint") for value, shown in x.ticks(5)
    ]
    return joined(
        label(
            "prediction minus true number: 5, 25, 50, 75 and 95 % of the rows", area.left, top, class_="faint"
        ),
        element("path", d=path([(x(0.0), y - 14), (x(0.0), y + 16)]), class_="thin axis d2"),
        element(
            "path", d=path([(first, y), (quarter, y)]) + path([(third, y), (last, y)]), class_="whisker axis"
        ),
        box,
        element("path", d=path([(median, y - 9), (median, y + 9)]), class_="line s1"),
        *ticks,
    )
