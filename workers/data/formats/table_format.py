"""The base of the formats of tables: the form fields that say how a table is taken, and its way to contents."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from workers.data.formats.format import Format, Reading
from workers.data.formats.room import Room
from workers.data.formats.signatures import require_format
from workers.data.formats.wrappers import unpack
from workers.data.sources.source import Contents
from workers.data.tables.options import ColumnKind, TableOptions, Task, listed
from workers.data.tables.schema import TableSchema, UnansweredQuestions
from workers.data.tables.table_reader import TableReader
from workers.tagged_union import variant

KINDS: TypeAdapter[dict[str, ColumnKind]] = TypeAdapter(dict[str, ColumnKind])


def joined_kinds(values: Sequence[str]) -> str:
    """All kinds of several such fields. Raises ValueError."""
    kinds = [KINDS.validate_json(value, strict=True) for value in values]
    return json.dumps({name: kind for each in kinds for name, kind in each.items()})


def _require_list(text: str) -> str:
    try:
        listed(text)
    except ValidationError:
        raise ValueError('should be texts with commas between them, or JSON such as ["a", "b"]') from None
    return text


def _require_kinds(text: str) -> str:
    try:
        KINDS.validate_json(text, strict=True)
    except ValidationError:
        kinds = "number, category, boolean, date, ignore, label"
        raise ValueError(f'should be JSON such as {{"age": "number"}}; the kinds are {kinds}') from None
    return text


Label = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=200,
        description="The column to predict, by default the last.",
        examples=["species"],
    ),
]
Drop = Annotated[
    str,
    AfterValidator(_require_list),
    Field(strict=True, description="Columns to leave out.", examples=["id,name"]),
]
Kinds = Annotated[
    str,
    AfterValidator(_require_kinds),
    Field(
        strict=True,
        description="The kinds of some columns, as JSON: number, category, boolean, date, ignore or label.",
        examples=['{"zip": "category"}'],
    ),
]
Missing = Annotated[
    str,
    AfterValidator(_require_list),
    Field(
        strict=True,
        description="The texts that mean a missing value, in any case, instead of NA, N/A, NaN, null, None and ?.",
        examples=["NA,-"],
    ),
]
TaskField = Annotated[
    Task,
    Field(description="Whether the label names classes, or is a number to predict.", examples=["regression"]),
]
Spellings = Annotated[
    Literal["merge", "keep"],
    Field(
        description="Whether classes that differ in spelling alone, such as 1 and 1.0, are one.",
        examples=["merge"],
    ),
]
Accept = Annotated[
    str,
    AfterValidator(_require_list),
    Field(
        strict=True,
        description="The codes of questions to go on without, or all.",
        examples=["missing_labels"],
    ),
]


@variant
class TableFormat(Format):
    """A format of tables. A subclass gives a reader; its columns are typed, asked about and stored in one way."""

    label: Label | None = None
    drop: Drop | None = None
    kinds: Kinds | None = None
    missing: Missing | None = None
    task: TaskField | None = None
    spellings: Spellings | None = None
    accept: Accept | None = None

    @abstractmethod
    def reader(self, folder: Path) -> TableReader:
        """A reader of the files in `folder`, whose name is the data set's. Raises MalformedFile."""

    def options(self) -> TableOptions:
        """The fields, parsed."""
        return TableOptions(
            label=self.label,
            drop=listed(self.drop) if self.drop else (),
            kinds=KINDS.validate_json(self.kinds) if self.kinds else {},
            missing=None if self.missing is None else listed(self.missing),
            task=self.task,
            spellings=self.spellings,
            accept=frozenset(listed(self.accept)) if self.accept else frozenset(),
        )

    def unpack(self, folder: Path, room: Room) -> None:
        unpack(folder / "file", room)

    def read(self, folder: Path) -> Contents:
        contents, schema = self._read(folder)
        if contents is None:
            raise UnansweredQuestions(schema)
        return contents

    def reading(self, folder: Path) -> Reading:
        return Reading(*self._read(folder))

    def _read(self, folder: Path) -> tuple[Contents | None, TableSchema]:
        # Imported here: the service itself imports the formats, but never pyarrow.
        from workers.data.tables.read_table import read_table

        self.unpack(folder, Room(folder.name))  # which does nothing if it was unpacked before
        require_format(folder / "file", self.name, folder.name)
        dataset, schema = read_table(self.reader(folder), self.options(), folder)
        return None if dataset is None else Contents(dataset), schema
