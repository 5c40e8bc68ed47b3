"""The colours of charts: light, dark, print, or as the reader's system prefers.

The hues are those of Okabe and Ito (2008), Color Universal Design, which people with any colour blindness tell apart.
They are darkened on white and lightened on black until lines have a contrast of 3:1 and texts one of 4.5:1. Lines
also differ by their dashes, so that a print without colours can be read.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Literal

Theme = Literal["auto", "light", "dark", "print"]

Colours = Mapping[str, str]
SERIES = 8
"""Distinct looks of lines. A ninth line looks like the first."""

LIGHT: Colours = {
    "ground": "#ffffff",
    "ink": "#1a1a1a",
    "faint": "#595959",
    "grid": "#e3e3e3",
    "cell": "#0072b2",
    "s0": "#0072b2",
    "s1": "#b84a00",
    "s2": "#00795a",
    "s3": "#a3447a",
    "s4": "#8a6100",
    "s5": "#2b7fb0",
    "s6": "#5b4bb5",
    "s7": "#4d4d4d",
}
DARK: Colours = {
    "ground": "#14171a",
    "ink": "#f0f0f0",
    "faint": "#b4b4b4",
    "grid": "#34393e",
    "cell": "#1f6fa0",
    "s0": "#56b4e9",
    "s1": "#ff9a4d",
    "s2": "#3fcf9f",
    "s3": "#e79cc4",
    "s4": "#e6b422",
    "s5": "#a7d8f5",
    "s6": "#b5a8ff",
    "s7": "#c8c8c8",
}
PRINT: Colours = {
    "ground": "#ffffff",
    "ink": "#000000",
    "faint": "#333333",
    "grid": "#cccccc",
    "cell": "#888888",
    **{f"s{index}": "#000000" for index in range(SERIES)},
}
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2", "1 2", "6 6")

SHAPES = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    ".title{font-size:15px;font-weight:600}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".thin{fill:none;stroke-width:1}"
    ".whisker{fill:none;stroke-width:1.5}"
    ".band{stroke:none;fill-opacity:.18}"
    ".grid{stroke-width:1;shape-rendering:crispEdges}"
    ".halo{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}"
    ".pixels{image-rendering:pixelated}"
    + "".join(f".d{index}{{stroke-dasharray:{dash}}}" for index, dash in enumerate(DASHES))
)


@cache
def style(theme: Theme) -> str:
    """The style sheet of a chart. It is the same for every chart, so that a policy can name its hash."""
    if theme == "auto":
        dark, printed = _colours(DARK), _colours(PRINT)
        return (
            f"{SHAPES}{_colours(LIGHT)}@media (prefers-color-scheme:dark){{{dark}}}@media print{{{printed}}}"
        )
    return SHAPES + _colours({"light": LIGHT, "dark": DARK, "print": PRINT}[theme])


@cache
def policy(theme: Theme) -> str:
    """The Content-Security-Policy of a chart: its own style sheet, and a picture within it."""
    digest = base64.b64encode(hashlib.sha256(style(theme).encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; frame-ancestors 'self'"


def _colours(colours: Colours) -> str:
    rules = [
        f".ground{{fill:{colours['ground']}}}",
        f"text,.ink{{fill:{colours['ink']}}}",
        f".faint{{fill:{colours['faint']}}}",
        f".grid{{stroke:{colours['grid']}}}",
        f".axis{{stroke:{colours['faint']}}}",
        f".cell{{fill:{colours['cell']}}}",
        f".halo{{stroke:{colours['ground']}}}",
    ]
    for index in range(SERIES):
        colour = colours[f"s{index}"]
        rules.append(f".s{index}{{stroke:{colour}}}.f{index}{{fill:{colour}}}")
    return "".join(rules)
