"""The interface of a table's source: a format implements a reader, and `read_table` does the rest.

A format gives its columns in batches of bounded memory, each column as one pyarrow array:

- string arrays are cells of text. `read_table` types them by the rules of `cells`; null and "" are missing, markers
  such as NA are recognised by the rules, so a reader passes them on as they are;
- integer, floating and decimal arrays are numbers, boolean arrays booleans, date and timestamp arrays dates, and
  dictionary arrays of strings categories: their cells are not typed again, and null is missing.

An array has the same type in all batches of its column, and all arrays of a batch have the same length.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workers.data.columns import Column
from workers.data.tables.schema import Doubt

Batch = Sequence[Any]
"""One pyarrow array for each column."""


@dataclass(frozen=True)
class SourceColumn:
    """A column of the file. declared: the kind and the levels that the file itself declares, as ARFF does.

    holds_row_names: whether it is the first column and has no name, as R and pandas write row names.
    """

    name: str
    declared: Column | None = None
    holds_row_names: bool = False


class ReadAgain(Exception):
    """`TableReader.batches` cannot go on, but if it is called again, it reads the table in another way."""


class TableReader(ABC):
    """A table in a file. `file` is its name in messages; `default_label` the column to predict if no field names one.

    file_bytes: its size. doubts: those about the file itself, such as its delimiter. header, delimiter, decimal: of a
    text file.
    """

    file: str
    file_bytes: int
    columns: Sequence[SourceColumn]
    default_label: int = -1
    is_label_certain: bool = False
    """Whether the file itself declares which column is the label, so that no question is asked."""
    doubts: Sequence[Doubt] = ()
    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """All rows in their order. May be called again: a table is read twice if a column is not what it seemed.

        Raises MalformedFile, or ReadAgain at most once.
        """

    def place(self, row: int, column: int) -> str:
        """Where a cell is, for a message. row: from 0, without a header."""
        return f"{self.file}, row {row + 1:,}, column {self.columns[column].name!r}"
