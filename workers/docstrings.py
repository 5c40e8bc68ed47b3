"""Reads the docstrings of variants and metrics: description, source of the formula, oracle of its tests."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

REFERENCE = re.compile(r"\s+(Source|Oracle): ")
"""How a docstring ends: with the source of its formula, and the implementation that tests compare with."""


@dataclass(frozen=True)
class Documentation:
    """A docstring in parts. summary: the first paragraph of the description, as one line."""

    summary: str
    description: str
    source: str | None
    oracle: str | None


def documentation(documented: Any) -> Documentation:
    """The docstring of a class or function in parts."""
    description, *references = REFERENCE.split(inspect.cleandoc(documented.__doc__ or ""))
    cited = dict(zip(references[::2], (" ".join(text.split()) for text in references[1::2]), strict=True))
    summary = description.partition("\n\n")[0].replace("\n", " ")
    return Documentation(summary, description, cited.get("Source"), cited.get("Oracle"))
