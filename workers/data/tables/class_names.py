"""The names of classes: their order, what can be one, and which ones differ in spelling alone."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from workers.data.tables.cells import CellRules

MOST_CLASSES = 1000
LONGEST_NAME = 200
"""Characters in the name of a class."""
WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
QUOTES = "'\"`‘’“”"

_PLAIN = CellRules()


def ordered(names: Collection[str]) -> list[str]:
    """The names in numerical order if all are whole numbers, else in alphabetical order."""
    numbered = all(WHOLE_NUMBER.fullmatch(name) for name in names)
    return sorted(names, key=lambda name: (int(name) if numbered else 0, name))


def wrong_with(name: str) -> tuple[str, str] | None:
    """Why a text cannot name a class, and what can; None if it can."""
    if len(name) <= LONGEST_NAME and name.isprintable():
        return None
    right = f"a class is named by at most {LONGEST_NAME} characters that can be printed"
    return f"is {name[:40]!a}", right


def spellings(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that are probably one class: equal as numbers, or but for a last point or quotes."""
    groups: defaultdict[str | float, list[str]] = defaultdict(list)
    for name in names:
        plain = name.strip().strip(QUOTES).strip()
        number = _PLAIN.number(plain)
        groups[plain.removesuffix(".").strip() or name if number is None else number].append(name)
    return [group for group in groups.values() if len(group) > 1]
