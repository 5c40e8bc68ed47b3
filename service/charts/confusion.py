"""A confusion matrix as a heat map: true classes in rows, each cell shaded by its share of the row."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.charts.figure import LINE, MARGIN, NO_EPOCH, Canvas, document, subtitle
from service.charts.svg import Markup, element, joined, label, short_label, text_width
from service.png import png

KEY = "true class ↓   predicted class →"
DRAWN = 30
"""With more classes, the cells are the pixels of one picture, and only some names are shown."""
DARKEST = 0.8
"""The opacity of a cell with all rows of its class: a number on it stays readable."""
NAMES = 12
"""How many names a large matrix has on each side, about."""


@dataclass(frozen=True, eq=False)
class ConfusionFigure:
    """Everything that the chart shows. matrix: (K, K) counts, of all runs together."""

    title: str
    subtitle: str
    classes: Sequence[str]
    matrix: NDArray[np.int64]

    def svg(self, canvas: Canvas) -> str:
        """Draw the chart."""
        names = min(64 if canvas.is_narrow else 110, max(map(text_width, self.classes), default=0) + 16)
        side = min(canvas.width - names - 2 * MARGIN, 560, max(40 * len(self.classes), 160))
        below, begin = subtitle(self.subtitle, canvas)
        left, top = MARGIN + names, begin + LINE
        grid = _Grid(left, top, side, len(self.classes))
        cells = _drawn if len(self.classes) <= DRAWN else _pixels
        body = [
            below,
            label(KEY if self.matrix.any() else NO_EPOCH, MARGIN, begin, class_="faint"),
            cells(self.matrix, grid),
            _names(self.classes, grid, names),
        ]
        height = top + side + (names * 0.75 if grid.has_turned_names(self.classes) else LINE) + MARGIN
        return document(
            canvas, height=height, title=self.title, description=self._description(), body=joined(*body)
        )

    def _description(self) -> str:
        total, right = int(self.matrix.sum()), int(np.trace(self.matrix))
        if not total:
            return NO_EPOCH
        sentence = f"{self.subtitle}. {right:,} of {total:,} predictions are on the diagonal."
        wrong = self.matrix - np.diag(np.diag(self.matrix))
        if wrong.any():
            i, j = divmod(int(wrong.argmax()), len(self.classes))
            names = (self.classes[i][:100], self.classes[j][:100])
            sentence += f" Most frequent error: {names[0]} taken for {names[1]}, {int(wrong[i, j]):,} times."
        return sentence


@dataclass(frozen=True)
class _Grid:
    left: float
    top: float
    side: float
    n: int

    @property
    def cell(self) -> float:
        return self.side / max(1, self.n)

    @property
    def step(self) -> int:
        """Every how many classes there is a name."""
        return 1 if self.cell >= 13 else max(1, -(-self.n // NAMES))

    def has_turned_names(self, classes: Sequence[str]) -> bool:
        """Whether the names below the cells are too long to stand upright."""
        return any(text_width(name) > self.step * self.cell - 4 for name in classes)


def _shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row divided by its sum; zeros for a class without rows."""
    shares: NDArray[np.float64] = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return shares


def _drawn(matrix: NDArray[np.int64], grid: _Grid) -> Markup:
    size, shares = grid.cell, _shares(matrix)
    parts = []
    for i, row in enumerate(matrix.tolist()):
        for j, count in enumerate(row):
            if not count:
                continue
            x, y = grid.left + j * size, grid.top + i * size
            opacity = f"{DARKEST * shares[i, j]:.2f}"
            parts.append(
                element("rect", x=x, y=y, width=size, height=size, class_="cell", fill_opacity=opacity)
            )
            if len(str(count)) * 6 < size - 2:
                parts.append(label(count, x + size / 2, y + size / 2 + 4, text_anchor="middle", font_size=10))
    parts.append(_border(grid))
    return joined(*parts)


def _pixels(matrix: NDArray[np.int64], grid: _Grid) -> Markup:
    """The cells as a mask, so that they have the colour of the theme. Rare errors stay visible: shares are rooted."""
    grey = (255 * DARKEST * np.sqrt(_shares(matrix))).astype(np.uint8)
    picture = base64.b64encode(png(grey)).decode()
    place = {"x": grid.left, "y": grid.top, "width": grid.side, "height": grid.side}
    image = element("image", **place, href=f"data:image/png;base64,{picture}", class_="pixels")
    shaded = element("rect", **place, class_="cell", mask="url(#cells)")
    return joined(element("mask", image, id="cells"), shaded, _border(grid))


def _border(grid: _Grid) -> Markup:
    return element(
        "rect", x=grid.left, y=grid.top, width=grid.side, height=grid.side, class_="axis thin", fill="none"
    )


def _names(classes: Sequence[str], grid: _Grid, room: float) -> Markup:
    parts, is_turned = [], grid.has_turned_names(classes)
    for index in range(0, len(classes), grid.step):
        middle = grid.left + (index + 0.5) * grid.cell, grid.top + (index + 0.5) * grid.cell
        parts.append(short_label(classes[index], room - 8, grid.left - 8, middle[1] + 4, text_anchor="end"))
        if not is_turned:
            parts.append(label(classes[index], middle[0], grid.top + grid.side + 16, text_anchor="middle"))
            continue
        x, y = middle[0] + 4, grid.top + grid.side + 8
        turned = f"rotate(-45 {x:.1f} {y:.1f})"
        parts.append(short_label(classes[index], room - 8, x, y, text_anchor="end", transform=turned))
    return joined(*parts)
