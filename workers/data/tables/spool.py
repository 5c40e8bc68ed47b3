"""The columns of a table on disk between reading and storing: what they are is known only once all rows are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from workers.data.errors import FileTooLarge

Values = NDArray[np.float64]

MOST_BYTES = 2**32
"""Of the spool, in double precision; it is twice as large as what is stored."""
ALWAYS_BYTES, MOST_TIMES = 2**28, 1000
"""A spool may be so large, or so many times as large as the file: in more, nearly all cells are absent or equal."""


def require_cells(file: str, rows: int, columns: int, file_bytes: int) -> None:
    """Raise FileTooLarge if a table has too many cells, or too many for a file of this size."""
    cells = rows * columns
    if cells * 8 > MOST_BYTES:
        right = f"at most {MOST_BYTES // 8:,} cells are read"
        raise FileTooLarge(file, f"holds {cells:,} cells or more", right)
    if cells * 8 > max(ALWAYS_BYTES, MOST_TIMES * file_bytes):
        wrong = f"holds {cells:,} cells or more in {file_bytes:,} bytes, so that nearly all are absent, zero or equal"
        raise FileTooLarge(file, wrong, "leave out columns or rows that say nothing: each cell is stored")


class Spool:
    """Batches of columns, each (d, m) in float64, one after the other in a file.

    file: the name of the table in messages; file_bytes: its size.
    """

    def __init__(self, path: Path, file: str, columns: int, file_bytes: int = MOST_BYTES) -> None:
        self.columns, self.rows = columns, 0
        self._path, self._file, self._file_bytes = path, file, file_bytes
        self._sizes: list[int] = []
        self._out = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def append(self, values: Values) -> None:
        """Add a batch, (d, m). Raises FileTooLarge."""
        self.rows += values.shape[1]
        require_cells(self._file, self.rows, self.columns, self._file_bytes)
        self._sizes.append(values.shape[1])
        values.tofile(self._out)

    def batches(self) -> Iterator[Values]:
        """Every batch, (d, m), in order."""
        with self._path.open("rb") as written:
            for size in self._sizes:
                yield np.fromfile(written, np.float64, self.columns * size).reshape(self.columns, size)

    def column(self, column: int) -> Values:
        """One column, (n,)."""
        values, start, place = np.empty(self.rows), 0, 0
        with self._path.open("rb") as written:
            for size in self._sizes:
                written.seek(8 * (start + column * size))
                values[place : place + size] = np.fromfile(written, np.float64, size)
                start, place = start + self.columns * size, place + size
        return values

    def sample(self, most: int) -> tuple[Values, NDArray[np.int64]]:
        """At most `most` rows from all over the table, (d, s), and their positions (s,)."""
        step = max(1, -(-self.rows // most))
        picked, rows, start = [np.empty((self.columns, 0))], [np.empty(0, np.int64)], 0
        for batch in self.batches():
            places = np.arange(-start % step, batch.shape[1], step)
            picked.append(batch[:, places])
            rows.append(places + start)
            start += batch.shape[1]
        return np.concatenate(picked, axis=1), np.concatenate(rows)
