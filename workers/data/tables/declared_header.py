"""The headers of ARFF and KEEL files: `@attribute` lines that declare the columns, before `@data`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.data.columns import Column
from workers.data.errors import FileTooLarge
from workers.data.tables.line_blocks import LineBlock, quoted
from workers.data.tables.quoted_fields import Unreadable, fields_of, unquoted

MOST_COLUMNS = 2**18 + 1
ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{'"\[]+)\s*(.*)""", re.IGNORECASE
)
NUMBERS = ("numeric", "real", "integer")
RIGHT = "such as @attribute age numeric, or @attribute colour {red, green}"


@dataclass(frozen=True)
class Attribute:
    """A declared column. levels: of a nominal one, in the order of the declaration."""

    name: str
    kind: str
    levels: tuple[str, ...] = ()

    @property
    def column(self) -> Column | None:
        """The kind as a column has it; None if the cells show it."""
        if self.kind == "nominal":
            return Column(self.name, "category", self.levels)
        return Column(self.name, "number") if self.kind in NUMBERS else None


def attribute_of(block: LineBlock, index: int) -> Attribute:
    """The attribute that a line declares. Raises MalformedFile."""
    line = block.lines[index].strip()
    found = ATTRIBUTE.fullmatch(line)
    if found is None:
        block.refuse(index, f"is {quoted(line)}, which declares no column", RIGHT)
    name, declared = unquoted(found[1]), found[2].strip()
    kind = re.split(r"[\s\[]", declared.casefold(), maxsplit=1)[0]
    if declared.startswith("{"):
        return Attribute(name, "nominal", _levels(block, index, declared))
    if kind in (*NUMBERS, "string", "date"):
        return Attribute(name, kind)
    if kind == "relational":
        block.refuse(index, f"declares {quoted(name)} as relational", "flatten it into plain columns")
    return block.refuse(index, f"declares {quoted(name)} as {quoted(declared)}", RIGHT)


def require_distinct(block: LineBlock, index: int, attributes: Sequence[Attribute], names: set[str]) -> None:
    """Raise MalformedFile if the last attribute has the name of another one, or if there are too many."""
    name = attributes[-1].name
    if name in names:
        block.refuse(index, f"names a column {quoted(name)} again", "each column has its own name")
    if len(attributes) > MOST_COLUMNS:
        right = f"at most {MOST_COLUMNS:,} are read"
        raise FileTooLarge(block.file, f"declares more than {MOST_COLUMNS:,} columns", right)
    names.add(name)


def _levels(block: LineBlock, index: int, declared: str) -> tuple[str, ...]:
    if not declared.endswith("}"):
        block.refuse(index, "opens a list of levels that does not close", RIGHT)
    try:
        levels = tuple(fields_of(declared[1:-1]))
    except Unreadable as error:
        block.refuse(index, str(error), RIGHT)
    if len(set(levels)) < len(levels):
        twice = next(level for level in levels if levels.count(level) > 1)
        block.refuse(index, f"declares the level {quoted(twice)} twice", "each level comes once")
    return levels
