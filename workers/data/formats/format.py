"""What every format is: which files it takes, and the reading of them in memory that does not grow with them."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from workers.data.sources.source import Contents
from workers.tagged_union import variant

MOST_FEATURES = 2**18
"""A colour image of 295 x 295."""
MOST_CLASSES = 1000
LONGEST_NAME = 200
"""Characters in the name of a class."""


@variant
class Format(ABC):
    """A format. `required` and `optional` are the files it takes, by the names of the form's fields."""

    required: ClassVar[tuple[str, ...]] = ("file",)
    optional: ClassVar[tuple[str, ...]] = ()

    name: str

    @abstractmethod
    def read(self, folder: Path) -> Contents:
        """What the files in `folder` hold; its name is that of the data set. Raises MalformedFile.

        The folder is this reading's own: it may be filled with what memory should not hold.
        """
