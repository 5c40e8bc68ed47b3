"""What the form of an upload says about a table; everything left out is recognised from the file, or asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from workers.data.tables.cells import MARKERS

ColumnKind = Literal["number", "category", "boolean", "date", "ignore", "label"]
Task = Literal["classification", "regression"]
NAMES: TypeAdapter[list[str]] = TypeAdapter(list[str])


def listed(text: str) -> tuple[str, ...]:
    """The texts in a field: with commas between them, or a JSON list if they contain commas."""
    if text.lstrip().startswith("["):
        return tuple(NAMES.validate_json(text, strict=True))
    return tuple(name.strip() for name in text.split(","))


def listing(texts: Sequence[str]) -> str:
    """The inverse of `listed`."""
    plain = ",".join(texts)
    is_plain = not plain.lstrip().startswith("[") and listed(plain) == tuple(texts)
    return plain if is_plain else json.dumps(list(texts), ensure_ascii=False)


def joined_lists(values: Sequence[str]) -> str:
    """All texts of several such fields. Raises ValueError."""
    return listing([text for value in values for text in listed(value)])


@dataclass(frozen=True)
class TableOptions:
    """label: the column to predict. drop: columns to leave out. kinds: of some columns. header: whether there is one.

    missing: the missing-value markers. spellings: whether classes that differ in spelling alone are one.
    accept: the codes of doubts that are accepted, or "all".
    """

    label: str | None = None
    drop: tuple[str, ...] = ()
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    missing: tuple[str, ...] | None = None
    task: Task | None = None
    spellings: Literal["merge", "keep"] | None = None
    accept: frozenset[str] = frozenset()

    @property
    def markers(self) -> frozenset[str]:
        """The missing-value markers, in lower case. An empty cell is always missing."""
        return frozenset(MARKERS if self.missing is None else ("", *map(str.casefold, self.missing)))

    def accepts(self, code: str) -> bool:
        """Whether a doubt is accepted."""
        return code in self.accept or "all" in self.accept
