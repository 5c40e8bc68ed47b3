#!/usr/bin/env bash
# resvg-py 0.5.0: text in a font that is not there is left out, without an error, although another font is loaded.
#
# `font-family="Arial, sans-serif"` is what most charts ask for. The generic family has no default that a machine without
# Arial, Times New Roman and so on could meet, and resvg does not fall back to a font that it has: titles, labels and
# values are missing, and the picture is a valid PNG. An SVG whose text names no family loses it too. Browsers, Inkscape
# and rsvg-convert draw it in another font.
#
# Why it matters: charts that are drawn on a server, in a container with one font, come out without numbers, and a test
# for a valid PNG of the right size passes.
# Instead: pass `sans_serif_family` and `font_family` (here "DejaVu Sans"), and test that a text changes the pixels.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check resvg_py==0.5.0 matplotlib==3.11.2

cat >expected <<'TEXT'
resvg-py 0.5.0 with one font, DejaVu Sans
no family                                       left out: True
Arial, sans-serif                               left out: True
sans-serif                                      left out: True
Arial, DejaVu Sans                              left out: False
no family, font_family given                    left out: False
Arial, sans-serif, sans_serif_family given      left out: False
TEXT

cat >program.py <<'PYTHON'
from importlib.metadata import version
from pathlib import Path

import matplotlib
from resvg_py import svg_to_bytes

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"


def draw(text, **families):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20">{text}</svg>'
    return bytes(svg_to_bytes(svg_string=svg, skip_system_fonts=True, font_files=[str(FONT)], **families))


def show(label, family, **families):
    attribute = f' font-family="{family}"' if family else ""
    left_out = draw(f'<text y="15"{attribute}>0.95</text>', **families) == draw("")
    print(f"{label:47} left out: {left_out}")


print(f"resvg-py {version('resvg_py')} with one font, DejaVu Sans")
show("no family", None)
for family in ("Arial, sans-serif", "sans-serif", "Arial, DejaVu Sans"):
    show(family, family)
show("no family, font_family given", None, font_family="DejaVu Sans")
show("Arial, sans-serif, sans_serif_family given", "Arial, sans-serif", sans_serif_family="DejaVu Sans")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
