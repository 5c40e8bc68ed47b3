"""The rules by which a cell of text is missing, a number, a boolean or a date. Every text format uses these rules."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

MARKERS = ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", r"\n")
"""Cells that mean a missing value, in any case. Not "-" or ".", which are classes and levels too."""
BOOLEANS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))
"""Pairs of texts, in any case, for 0 and 1. A column of 0 and 1 is one of numbers."""
NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
LARGEST = float(np.finfo(np.float32).max)
EPOCH = date(1970, 1, 1).toordinal()
DAY_SECONDS = 86400

_NUMBER = re.compile(NUMBER, re.ASCII)
_DATE = re.compile(
    r"(\d{4})([-/])(\d\d?)\2(\d\d?)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d{1,9})?))?\s?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_DAY_FIRST = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})", re.ASCII)


@dataclass(frozen=True)
class CellRules:
    """The rules for the cells of a table. markers: the missing-value markers, in lower case. decimal: "." or ","."""

    markers: frozenset[str] = frozenset(MARKERS)
    decimal: str = "."

    @cached_property
    def has_number_marker(self) -> bool:
        """Whether a number, such as -999, means a missing value."""
        return any(self.number(text) is not None for text in self.markers)

    def is_missing(self, text: str) -> bool:
        """Whether a cell means a missing value."""
        return text.strip().casefold() in self.markers

    def number(self, text: str) -> float | None:
        """The number in a cell; None if it is none, or not finite."""
        text = text.strip()
        if self.decimal != ".":
            text = "." if "." in text else text.replace(self.decimal, ".")
        if not _NUMBER.fullmatch(text):
            return None
        number = float(text)
        return number if np.isfinite(number) else None


def day_number(text: str) -> float | None:
    """The date in a cell as days since 1970-01-01, with the time of day in UTC as a fraction; None if it is none.

    2024-05-31, 2024/5/31 and 31.05.2024, the first two also with a time. 05/06/2024 is no date: its order is unknown.
    """
    text = text.strip()
    if german := _DAY_FIRST.fullmatch(text):
        day, month, year = map(int, german.groups())
        return _days(year, month, day)
    if not (found := _DATE.fullmatch(text)):
        return None
    of_year, _, of_month, of_day, hour, minute, second, zone = found.groups()
    days = _days(int(of_year), int(of_month), int(of_day))
    if days is None or hour is None:
        return days
    seconds = int(hour) * 3600 + int(minute) * 60 + float(second or 0) - _offset_seconds(zone)
    return days + seconds / DAY_SECONDS if int(hour) < 24 and int(minute) < 60 else None


def boolean_levels(texts: Collection[str]) -> tuple[str, str] | None:
    """The texts for 0 and 1 if all texts are of one pair of `BOOLEANS`, in any case; None otherwise.

    They are as the column spells them if it does so in one way, else in lower case.
    """
    lower = {text.casefold() for text in texts}
    for pair in BOOLEANS:
        if lower and lower <= set(pair):
            if len(texts) != len(lower):
                return pair
            spelled = {text.casefold(): text for text in texts}
            return spelled.get(pair[0], pair[0]), spelled.get(pair[1], pair[1])
    return None


def level_code(text: str, levels: Iterable[str]) -> int | None:
    """The code of a cell among levels, if need be of one in another case; None if there is none."""
    text, levels = text.strip(), list(levels)
    if text in levels:
        return levels.index(text)
    lower = [level.casefold() for level in levels]
    return lower.index(text.casefold()) if lower.count(text.casefold()) == 1 else None


def _days(year: int, month: int, day: int) -> float | None:
    try:
        return float(date(year, month, day).toordinal() - EPOCH)
    except ValueError:
        return None


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -seconds if zone[0] == "-" else seconds
