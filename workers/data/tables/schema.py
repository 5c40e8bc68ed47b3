"""The schema of a table: its columns as they are taken, and the doubts about them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from workers.data.errors import DatasetError
from workers.data.tables.options import ColumnKind, Task

MOST_COLUMNS = 1000
"""How many columns a schema describes. Tables with more hold measurements of one kind, such as pixels."""
MOST_TOP = 5


@dataclass(frozen=True)
class Answer:
    """One answer to a doubt: a form field, its value, and what that does, as an infinitive without `to`."""

    field: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Doubt:
    """Something that a table may mean in two ways, or that is probably a mistake.

    code: what `accept` takes. sentence: what was found; it names no field of the form. choices: the answers.
    blocking: whether the table is refused until it is answered; else it is a warning.
    """

    code: str
    column: str | None
    sentence: str
    choices: tuple[Answer, ...] = ()
    blocking: bool = True

    @property
    def remedy(self) -> str:
        """What a program sends to answer it."""
        said = [f"{each.field}={each.value} to {each.meaning}" for each in self.choices]
        return f"Send {', or '.join(said)}." if said else ""

    @property
    def text(self) -> str:
        """The sentence with the remedy."""
        return f"{self.sentence} {self.remedy}".rstrip()

    @property
    def fields(self) -> dict[str, str]:
        """The form fields that decide, with an example of each."""
        return {each.field: each.value for each in reversed(self.choices)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `asdict`, after a round trip through JSON. Older ones have a text instead of both parts."""
        if "text" in given:
            return cls(given["code"], given["column"], given["text"], blocking=given["blocking"])
        return cls(**{**given, "choices": tuple(Answer(**each) for each in given["choices"])})


HEADER = (
    Answer("header", "false", "take it as the first row"),
    Answer("header", "true", "take it as the names of the columns"),
)
"""The answers to whether the first line has the names."""


@dataclass(frozen=True)
class ColumnSchema:
    """One column of the file. kind: how it is taken. missing: the share of cells that are missing.

    distinct: different values, counted up to 10,000. low, high: the range of numbers and dates. top: the most
    frequent texts, each with its rows.
    """

    name: str
    kind: ColumnKind
    missing: float
    distinct: int
    low: float | None = None
    high: float | None = None
    top: tuple[tuple[str, int], ...] = ()

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `asdict`, after a round trip through JSON."""
        return cls(**{**given, "top": tuple((text, rows) for text, rows in given["top"])})


@dataclass(frozen=True)
class TableSchema:
    """A table as it is taken. columns: the first `MOST_COLUMNS` of the file. label: the column to predict.

    header, delimiter, decimal: of a text file; None for others.
    """

    rows: int
    label: str
    task: Task
    columns: tuple[ColumnSchema, ...]
    doubts: tuple[Doubt, ...] = ()
    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None

    @property
    def questions(self) -> tuple[Doubt, ...]:
        """The doubts that have to be answered first."""
        return tuple(doubt for doubt in self.doubts if doubt.blocking)

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON; `from_json` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`, after a round trip through JSON."""
        columns = tuple(map(ColumnSchema.from_json, given["columns"]))
        doubts = tuple(map(Doubt.from_json, given["doubts"]))
        return cls(**{**given, "columns": columns, "doubts": doubts})


class UnansweredQuestions(DatasetError):
    """A table may mean several things. `schema` has the questions."""

    def __init__(self, schema: TableSchema) -> None:
        self.schema = schema
        super().__init__(" ".join(doubt.text for doubt in schema.questions))


def most_frequent(counts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The most frequent texts of a column, each with its rows; equal ones in alphabetical order."""
    return tuple(sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:MOST_TOP])
