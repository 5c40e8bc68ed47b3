"""The interface of an upload format: which files it takes, and how it reads them in bounded memory."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, NamedTuple

from workers.data.formats.room import Room
from workers.data.sources.source import Contents
from workers.data.tables.schema import TableSchema
from workers.tagged_union import variant

MOST_FEATURES = 2**18
"""As many as a colour image of 295 x 295 has."""


class Reading(NamedTuple):
    """What reading an upload gives. schema: of a table. contents: None while a question of the schema is open."""

    contents: Contents | None
    schema: TableSchema | None = None


@variant
class Format(ABC):
    """A format. `required` and `optional` are the form fields of the files that it takes."""

    required: ClassVar[tuple[str, ...]] = ("file",)
    optional: ClassVar[tuple[str, ...]] = ()

    name: str

    @abstractmethod
    def read(self, folder: Path) -> Contents:
        """Read the files in `folder`, whose name is the data set's. Raises MalformedFile.

        The folder belongs to this call: a format may write files there instead of holding arrays in memory.
        """

    def reading(self, folder: Path) -> Reading:
        """Read the files as `read` does; with the schema of a table, even if it asks questions first."""
        return Reading(self.read(folder))

    def unpack(self, folder: Path, room: Room) -> None:
        """Unpack what the files in `folder` are wrapped in, and check that there is room for what they hold.

        Raises MalformedFile, FileTooLarge, or OSError.
        """
        room.require(sum(file.stat().st_size for file in folder.iterdir()))
