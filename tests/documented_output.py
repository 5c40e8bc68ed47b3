"""What documentation shows of an output, and how far the real output may differ from it.

Words and whole numbers have to be the same. Decimal fractions may differ a little, because other processors and
library versions round differently, and a trained network follows.
"""

import json
import re
from math import isclose
from typing import Any

TOLERANCE = 0.03
FRACTION = re.compile(r"\d+\.\d+")
ELISION = re.compile(r",?\s*\.\.\.(?=\s*[,}\]])")


def text_difference(shown: str, printed: str) -> str:
    """Where a text is not part of the printed one; empty where it is. Line breaks and rules do not count."""
    skeletons = [" ".join(FRACTION.sub("#", _plain(text)).split()) for text in (shown, printed)]
    start = skeletons[1].find(skeletons[0])
    if start < 0:
        return f"not printed: {shown}"
    before = skeletons[1][:start].count("#")
    expected, found = (FRACTION.findall(_plain(text)) for text in (shown, printed))
    pairs = zip(expected, found[before:], strict=False)
    return "; ".join(f"{a} was {b}" for a, b in pairs if not _near(float(a), float(b)))


def json_differences(shown: str, answer: Any) -> list[str]:
    """The paths at which an answer is not what is shown of it; `...` stands for what is left out."""
    return list(_differences(json.loads(ELISION.sub("", shown)), answer, ""))


def _differences(shown: Any, answer: Any, path: str) -> list[str]:
    if isinstance(shown, dict) and isinstance(answer, dict):
        missing = [f"{path}.{key} is missing" for key in shown if key not in answer]
        within = (_differences(shown[key], answer[key], f"{path}.{key}") for key in shown if key in answer)
        return [*missing, *(each for found in within for each in found)]
    if isinstance(shown, list) and isinstance(answer, list) and len(shown) <= len(answer):
        pairs = enumerate(zip(shown, answer, strict=False))
        return [found for at, (a, b) in pairs for found in _differences(a, b, f"{path}[{at}]")]
    if isinstance(shown, float) and isinstance(answer, float):
        same = _near(shown, answer)
    elif isinstance(shown, str) and isinstance(answer, str):
        same = not text_difference(shown, answer)
    else:
        same = bool(shown == answer)
    return [] if same else [f"{path}: {shown!r} was {answer!r}"]


def _plain(text: str) -> str:
    return text.replace("─", "")


def _near(a: float, b: float) -> bool:
    return isclose(a, b, rel_tol=0, abs_tol=TOLERANCE)
