"""The interface of an upload format: which files it takes, and how it reads them in bounded memory."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from workers.data.sources.source import Contents
from workers.tagged_union import variant

MOST_FEATURES = 2**18
"""As many as a colour image of 295 x 295 has."""
MOST_CLASSES = 1000
LONGEST_NAME = 200
"""Characters in the name of a class."""


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

    def unpacked_bytes(self, folder: Path) -> int:
        """How large the files in `folder` are once they are unpacked. Raises MalformedFile."""
        return sum(file.stat().st_size for file in folder.iterdir())
