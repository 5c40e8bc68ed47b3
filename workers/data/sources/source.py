"""What every source is: fields that say where a data set comes from, and the reading of it."""

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from workers.data.dataset import Dataset
from workers.data.imbalance import Imbalance
from workers.tagged_union import variant

Sha256 = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$")]


class Contents(NamedTuple):
    """What a source holds: the rows that a split divides, and the official test part if there is one."""

    dataset: Dataset
    official_test: Dataset | None = None


@variant
class Source(ABC):
    """Where a data set comes from. `imbalance` and the pin `sha256` are read by the registry, not here."""

    kind: ClassVar[str]
    is_slow_to_read: ClassVar[bool] = False
    """True where reading is slow, so that what was read is kept on disk."""

    name: str
    imbalance: Imbalance | None = None
    sha256: Sha256 | None = None

    @abstractmethod
    def read(self, datasets: Path) -> Contents:
        """Read or generate everything. `datasets` is the folder that holds one folder a data set."""

    def present(self, datasets: Path) -> bool:
        """Whether there is anything to read."""
        return True

    def signature(self, datasets: Path) -> str:
        """A cheap text that changes whenever `read` would give something else."""
        return repr(replace(self, imbalance=None, sha256=None))

    def resolved(self, datasets: Path) -> "Source":
        """The source that is meant here, where what is in `datasets` decides that."""
        return self

    def content_folder(self, datasets: Path, cache: Path) -> Path | None:
        """The folder that keeps what was read, a folder a hash; None where every machine can read it by itself."""
        return cache if self.is_slow_to_read else None
