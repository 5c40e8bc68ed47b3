"""CSV and its dialects: a table of text, one line per row."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from workers.data.formats.table_format import TableFormat
from workers.data.tables.options import TableOptions
from workers.data.tables.table_reader import TableReader
from workers.tagged_union import variant

Header = Annotated[
    Literal["true", "false"],
    Field(description="Whether the first line names the columns.", examples=["false"]),
]
Delimiter = Annotated[
    Literal[",", ";", "|", "\t", "tab", " ", "space"],
    Field(description="What is between the fields.", examples=[";"]),
]
Decimal = Annotated[Literal[".", ","], Field(description="The decimal mark.", examples=[","])]


@variant
class CSV(TableFormat):
    """A table in UTF-8, one line per row, with commas, semicolons, tabs, bars or spaces between the fields.

    The first line names the columns, unless it looks like a row. Cells are numbers, booleans, dates, texts or
    missing. `label` names the column to predict, by default the last. A line break within a field is refused; a byte
    order mark and empty lines are ignored.
    A column that single precision cannot hold is stored after subtracting an offset, or refused.
    Source: RFC 4180.
    """

    name: Literal["csv"] = "csv"
    header: Header | None = None
    delimiter: Delimiter | None = None
    decimal: Decimal | None = None

    def options(self) -> TableOptions:
        header = None if self.header is None else self.header == "true"
        return replace(super().options(), header=header, delimiter=self.delimiter, decimal=self.decimal)

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.csv_reader import CsvReader

        return CsvReader(folder / "file", f"{folder.name}.csv", self.options())
