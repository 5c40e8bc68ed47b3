"""Turns a chart into a PNG, in a process of its own: the library keeps the interpreter's lock while it draws, and the
memory that it needs is free again afterwards.
"""

import subprocess
import sys
from functools import cache
from importlib.util import find_spec

LIBRARY = "resvg_py"
TIMEOUT_SECONDS = 30
PROGRAM = f"""
import sys, {LIBRARY}
svg, (zoom, family) = sys.stdin.buffer.read().decode(), sys.argv[1:]
sys.stdout.buffer.write(bytes({LIBRARY}.svg_to_bytes(svg_string=svg, zoom=float(zoom), sans_serif_family=family)))
"""
FAMILIES = ("DejaVu Sans", "Noto Sans", "Liberation Sans", "Roboto", "Segoe UI", "Helvetica", "Arial")
"""The fonts that are tried as the last of the list in the style sheet of charts, `sans-serif`."""
WITH_TEXT, WITHOUT = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" font-family="sans-serif">{text}</svg>'
    for text in ('<text y="15">H</text>', "")
)


class NoRasterizer(Exception):
    """No pixels can be drawn: the library is missing, or the system has no font."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} The same address with .svg is the chart as SVG.")


def rasterize(svg: str, scale: int) -> bytes:
    """A chart as PNG, with `scale` pixels for each of its own. Raises NoRasterizer."""
    if find_spec(LIBRARY) is None:
        raise NoRasterizer("PNG needs the package resvg-py, which is not installed.")
    family = font_family()
    if family is None:
        raise NoRasterizer("PNG needs a font, and this system has none: install DejaVu (fonts-dejavu-core).")
    return _drawn(svg, scale, family)


@cache
def font_family() -> str | None:
    """The first font of the system with which text is drawn: without one, the library leaves it out silently."""
    blank = _drawn(WITHOUT, 1, FAMILIES[0])
    return next((family for family in FAMILIES if _drawn(WITH_TEXT, 1, family) != blank), None)


def _drawn(svg: str, scale: int, family: str) -> bytes:
    command = [sys.executable, "-I", "-c", PROGRAM, str(scale), family]
    drawn = subprocess.run(  # noqa: S603 -- the program is ours, and the chart goes to its standard input
        command, input=svg.encode(), capture_output=True, check=True, timeout=TIMEOUT_SECONDS
    )
    return drawn.stdout
