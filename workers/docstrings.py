"""Reads the docstrings of variants and metrics: description, use, source of the formula, oracle of its tests."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

PART = re.compile(r"\s+(When|Source|Oracle): ")
"""How a docstring ends: when to use it, the source of its formula, and the implementation that tests compare with."""


@dataclass(frozen=True)
class Documentation:
    """A docstring in parts. summary: the first paragraph of the description, as one line."""

    summary: str
    description: str
    when: str | None
    source: str | None
    oracle: str | None


def documentation(documented: Any) -> Documentation:
    """The docstring of a class or function in parts."""
    description, *parts = PART.split(inspect.cleandoc(documented.__doc__ or ""))
    named = dict(zip(parts[::2], (" ".join(text.split()) for text in parts[1::2]), strict=True))
    summary = description.partition("\n\n")[0].replace("\n", " ")
    return Documentation(summary, description, named.get("When"), named.get("Source"), named.get("Oracle"))
