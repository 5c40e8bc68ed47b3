"""Features on their way to disk, chunk by chunk, in the smallest of the two types that holds them exactly."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Features
from workers.data.errors import FileTooLarge

MOST_BYTES = 2**30
CHUNK_VALUES = 2**20


class Unusable(ValueError):
    """A value cannot be stored: `position` counts within its chunk, row by row."""

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(f"value {position} is not finite as a float32")


class Spool:
    """Collects features in a file: uint8 while all are whole numbers from 0 to 255, else float32.

    `file` is what messages call the source.
    """

    def __init__(self, path: Path, file: str) -> None:
        self._path, self._file = path, file
        self._dtype: Any = np.uint8
        self._values = 0
        self._out = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def append(self, values: NDArray[Any]) -> None:
        """Add values in the order of rows. Raises Unusable or FileTooLarge, and has then added nothing."""
        with np.errstate(over="ignore", invalid="ignore"):
            stored = np.ascontiguousarray(values, np.float32).ravel()
        finite = np.isfinite(stored)
        if not finite.all():
            raise Unusable(int(np.argmin(finite)))
        if self._dtype is np.uint8 and not _are_bytes(stored):
            self._widen()
        require_size(self._values + stored.size, self._dtype, self._file)
        stored.astype(self._dtype).tofile(self._out)
        self._values += stored.size

    def features(self, columns: int) -> Features:
        """All that was added, (n, columns), memory-mapped."""
        self._out.close()
        shape = (self._values // columns, columns)
        mapped: Features = np.asarray(np.memmap(self._path, self._dtype, "r", shape=shape))
        return mapped

    def _widen(self) -> None:
        self._out.close()
        narrow = self._path.rename(self._path.with_suffix(".uint8"))
        self._dtype, self._out = np.float32, self._path.open("wb")
        with narrow.open("rb") as written:
            while content := written.read(CHUNK_VALUES):
                np.frombuffer(content, np.uint8).astype(np.float32).tofile(self._out)
        narrow.unlink()


def require_size(values: int, dtype: Any, file: str) -> None:
    """Raise FileTooLarge where so many values are more than is stored."""
    size = values * np.dtype(dtype).itemsize
    if size > MOST_BYTES:
        right = f"at most {MOST_BYTES:,} bytes are stored: one a value from 0 to 255, else four"
        raise FileTooLarge(file, f"holds {values:,} values or more", right)


def _are_bytes(values: NDArray[np.float32]) -> bool:
    return bool(((values >= 0) & (values <= 255) & (values == np.floor(values))).all())
