"""Compares real output with the output that documentation shows.

Words and whole numbers have to be the same. Decimal fractions may differ a little: other processors and library
versions round differently, which changes a trained network.
"""

import json
import re
from math import isclose
from typing import Any

TOLERANCE = 0.03
FRACTION = re.compile(r"\d+\.\d+")
ELISION = re.compile(r",?\s*\.\.\.(?=\s*[,}\]])")


def text_difference(shown: str, printed: str) -> str:
    """Describe why a text is not part of the printed one; empty if it is. Ignores line breaks and rules."""
    skeletons = [" ".join(FRACTION.sub("#", _plain(text)).split()) for text in (shown, printed)]
    start = skeletons[1].find(skeletons[0])
    if start < 0:
        return f"not printed: {shown}"
    before = skeletons[1][:start].count("#")
    expected, found = (FRACTION.findall(_plain(text)) for text in (shown, printed))
    pairs = zip(expected, found[before:], strict=False)
    return "; ".join(f"{a} was {b}" for a, b in pairs if not _near(float(a), float(b)))


def json_differences(shown: str, value: Any) -> list[str]:
    """The paths at which a JSON value differs from the documented one, in which `...` stands for omitted parts."""
    return list(_differences(json.loads(ELISION.sub("", shown)), value, ""))


def _differences(shown: Any, value: Any, path: str) -> list[str]:
    if isinstance(shown, dict) and isinstance(value, dict):
        missing = [f"{path}.{key} is missing" for key in shown if key not in value]
        within = (_differences(shown[key], value[key], f"{path}.{key}") for key in shown if key in value)
        return [*missing, *(each for found in within for each in found)]
    if isinstance(shown, list) and isinstance(value, list) and len(shown) <= len(value):
        pairs = enumerate(zip(shown, value, strict=False))
        return [found for at, (a, b) in pairs for found in _differences(a, b, f"{path}[{at}]")]
    if isinstance(shown, float) and isinstance(value, float):
        same = _near(shown, value)
    elif isinstance(shown, str) and isinstance(value, str):
        same = not text_difference(shown, value)
    else:
        same = bool(shown == value)
    return [] if same else [f"{path}: {shown!r} was {value!r}"]


def _plain(text: str) -> str:
    return text.replace("─", "")


def _near(a: float, b: float) -> bool:
    return isclose(a, b, rel_tol=0, abs_tol=TOLERANCE)
