"""Writes features to disk chunk by chunk: as bytes or in single precision, minus an offset if they need one."""

from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Features
from workers.data.errors import FileTooLarge
from workers.data.precision import needed_offset, require_distinct, sampled_rows

Offset = NDArray[np.float64]

MOST_BYTES = 2**30
CHUNK_VALUES = 2**20


class NotFinite(ValueError):
    """A value is not finite in single precision. `position` counts within its chunk, row by row."""

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(f"value {position} is not finite as a float32")


class FeatureWriter:
    """Writes features to a file: uint8 while all are whole numbers from 0 to 255, else float32.

    Values that single precision does not hold exactly are first written in double precision: which columns need
    an offset is known only once all values are there. `file` is the name of the source in messages.
    """

    def __init__(self, path: Path, file: str) -> None:
        self.offset: Offset | None = None
        self._path, self._file = path, file
        self._dtype: Any = np.uint8
        self._values = 0
        self._out = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def append(self, values: NDArray[Any]) -> None:
        """Add values in the order of rows. Adds nothing if it raises NotFinite or FileTooLarge."""
        with np.errstate(over="ignore", invalid="ignore"):
            stored = np.ascontiguousarray(values, np.float32).ravel()
        finite = np.isfinite(stored)
        if not finite.all():
            raise NotFinite(int(np.argmin(finite)))
        if self._dtype is np.uint8 and not _are_bytes(stored):
            self._widen(np.float32)
        if self._dtype is np.float32 and not np.array_equal(stored, np.ravel(values)):
            self._widen(np.float64)
        require_size(self._values + stored.size, self._stored_dtype, self._file)
        exact = np.ravel(values) if self._dtype is np.float64 else stored
        np.ascontiguousarray(exact, self._dtype).tofile(self._out)
        self._values += stored.size

    def features(self, columns: int, like: Offset | None = None) -> Features:
        """All features, (n, columns), memory-mapped, minus `like` if it is given, else minus the `offset` they need.

        Raises PrecisionLost.
        """
        self._out.close()
        if self._dtype is np.float64 or like is not None:
            self._narrow(columns, like)
        shape = (self._values // columns, columns)
        mapped: Features = np.asarray(np.memmap(self._path, self._dtype, "r", shape=shape))
        return mapped

    @property
    def _stored_dtype(self) -> Any:
        """The dtype that the features will have if no more are added."""
        return np.uint8 if self._dtype is np.uint8 else np.float32

    def _widen(self, dtype: Any) -> None:
        self._out.close()
        narrow = self._path.rename(self._path.with_suffix(".narrow"))
        before, self._dtype, self._out = np.dtype(self._dtype), dtype, self._path.open("wb")
        with narrow.open("rb") as written:
            while content := written.read(CHUNK_VALUES * before.itemsize):
                np.frombuffer(content, before).astype(dtype).tofile(self._out)
        narrow.unlink()

    def _narrow(self, columns: int, like: Offset | None) -> None:
        """Rewrite the file from double to single precision, minus the offset."""
        wide = self._path.rename(self._path.with_suffix(".wide"))
        before, rows = np.dtype(self._dtype), self._values // columns
        with wide.open("rb") as written, self._path.open("wb") as out:
            if rows:
                sample = np.stack(
                    [_row(written, row, columns, before) for row in sampled_rows(rows, columns)]
                )
                self.offset = needed_offset(sample) if like is None else like
                require_distinct(sample, self.offset)
            written.seek(0)
            step = max(1, CHUNK_VALUES // columns) * columns
            while content := written.read(step * before.itemsize):
                chunk = np.frombuffer(content, before).astype(np.float64).reshape(-1, columns)
                (chunk if self.offset is None else chunk - self.offset).astype(np.float32).tofile(out)
        wide.unlink()
        self._dtype = np.float32


def _row(file: BinaryIO, row: int, columns: int, dtype: np.dtype[Any]) -> Offset:
    file.seek(row * columns * dtype.itemsize)
    return np.frombuffer(file.read(columns * dtype.itemsize), dtype).astype(np.float64)


def require_size(values: int, dtype: Any, file: str) -> None:
    """Raise FileTooLarge if so many values exceed the limit in bytes."""
    size = values * np.dtype(dtype).itemsize
    if size > MOST_BYTES:
        right = f"at most {MOST_BYTES:,} bytes are stored: one a value from 0 to 255, else four"
        raise FileTooLarge(file, f"holds {values:,} values or more", right)


def _are_bytes(values: NDArray[np.float32]) -> bool:
    return bool(((values >= 0) & (values <= 255) & (values == np.floor(values))).all())
