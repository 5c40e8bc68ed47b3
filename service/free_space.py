"""The free space of the data folder: while little is left, the service takes nothing that would fill it up."""

import shutil
from collections.abc import Callable
from pathlib import Path


class StorageFull(ValueError):
    """The disk has no room for what a request would store."""

    def __init__(self) -> None:
        super().__init__(
            "The disk of the data folder is full, or has less free space than HOLDOUT_MIN_FREE_BYTES."
        )


def free_bytes(folder: Path) -> int:
    """The free space of the disk that a folder is on, or will be on."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(existing).free


class FreeSpace:
    """Refuses what would leave less than `least` bytes on the disk of `folder`."""

    def __init__(self, folder: Path, least: int, measure: Callable[[Path], int] = free_bytes) -> None:
        self.least = least
        self._folder, self._measure = folder, measure

    def measure(self) -> int:
        """The free bytes."""
        return self._measure(self._folder)

    def require(self, size: int = 0) -> None:
        """Raise StorageFull if there is no room for `size` more bytes."""
        if self.measure() - size < self.least:
            raise StorageFull
