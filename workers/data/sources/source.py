"""The interface of a source: fields that say where a data set comes from, and how to read it."""

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from workers.data.dataset import Dataset
from workers.data.imbalance import Imbalance
from workers.tagged_union import variant
from workers.validation.patterns import worded

Sha256 = Annotated[
    str, Field(strict=True, pattern=worded("^[0-9a-f]{64}$", "a SHA-256: 64 digits of 0-9 and a-f"))
]


class Contents(NamedTuple):
    """The contents of a source: the rows that a split divides, and the official test part if there is one."""

    dataset: Dataset
    official_test: Dataset | None = None


@variant
class Source(ABC):
    """The origin of a data set. The registry applies `imbalance` and checks the pin `sha256`, not the source."""

    kind: ClassVar[str]
    is_slow_to_read: ClassVar[bool] = False
    """True if the contents should be cached on disk."""

    name: str
    imbalance: Imbalance | None = None
    sha256: Sha256 | None = None

    @abstractmethod
    def read(self, datasets: Path) -> Contents:
        """Read or generate the contents. `datasets` is the folder with a folder for each data set."""

    def exists(self, datasets: Path) -> bool:
        """Whether the source exists on this machine."""
        return True

    @property
    def generated_rows(self) -> int:
        """How many rows `read` would generate; 0 if it reads files."""
        return 0

    @property
    def generated_bytes(self) -> int:
        """How much memory the features would take that `read` would generate; 0 if it reads files."""
        return 0

    def signature(self, datasets: Path) -> str:
        """A text, cheap to compute, that changes whenever `read` would return something else."""
        return repr(replace(self, imbalance=None, sha256=None))

    def resolved(self, datasets: Path) -> "Source":
        """The source to read on this machine: itself, unless `datasets` has an upload of this name."""
        return self

    def content_folder(self, datasets: Path, cache: Path) -> Path | None:
        """The folder with a folder for each content's hash; None if every machine can read the source by itself."""
        return cache if self.is_slow_to_read else None
