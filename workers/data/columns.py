"""The columns of a table: the name and kind of each feature, and what its numbers stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

Kind = Literal["number", "boolean", "category", "date"]
"""What a feature is. A date is a number once it is stored: days since 1970-01-01, with the time as a fraction."""


@dataclass(frozen=True)
class Column:
    """One feature of a table.

    A data set stores each feature as a number, and a missing one as NaN. levels: the text behind the numbers 0, 1, 2
    and so on of a category, or behind the 0 and the 1 of a boolean; None for other kinds.
    """

    name: str
    kind: Kind = "number"
    levels: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The column as JSON; `from_json` is the inverse."""
        return {"name": self.name, "kind": self.kind, "levels": self.levels and list(self.levels)}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        levels = given["levels"]
        return cls(given["name"], given["kind"], None if levels is None else tuple(levels))


def meanings(columns: Sequence[Column] | None) -> list[Any]:
    """What the stored numbers mean beyond themselves, for a hash: kinds and levels; nothing if all are plain numbers.

    Names are no part of it: the same table with other names holds the same data.
    """
    if columns is None or all(column.kind == "number" for column in columns):
        return []
    return [[column.kind, column.levels] for column in columns]
