"""A curve as small as a word: for a list of experiments."""

from collections.abc import Sequence

from service.charts.scale import Scale, finite, span
from service.charts.svg import Markup, element, path, text
from service.charts.theme import Theme, style
from service.figure_text import figure_text

WIDTH, HEIGHT, EDGE = 96, 24, 3


def sparkline(name: str, values: Sequence[float | None], theme: Theme) -> str:
    """The values as a line, with a dot at the last one."""
    shown = list(finite(values))
    x = Scale(0, max(1, len(shown) - 1), EDGE, WIDTH - EDGE)
    y = Scale(*span(shown), HEIGHT - EDGE, EDGE)
    points = [(x(index), y(value)) for index, value in enumerate(shown)]
    said = f"from {figure_text(shown[0])} to {figure_text(shown[-1])}" if shown else "no value yet"
    parts = [element("title", text(f"{name}: {said}"), id="title"), element("style", Markup(style(theme)))]
    if len(points) > 1:
        parts.append(element("path", d=path(points), class_="line s0"))
    if points:
        parts.append(element("circle", cx=points[-1][0], cy=points[-1][1], r=2.5, class_="f0"))
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        role="img",
        aria_labelledby="title",
    )
