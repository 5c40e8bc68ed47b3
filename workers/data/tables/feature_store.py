"""Turns the spooled columns of a table into its features: bytes or single precision, minus an offset if need be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Features
from workers.data.precision import needed_offset, require_distinct, sampled_rows
from workers.data.tables.spool import Spool, Values

Mask = NDArray[np.bool_]


class FeatureStore:
    """The features among the columns of a spool.

    columns: their positions. codes: for each position of a column of texts, the final code of each code in the spool.
    rows: the rows to take, None for all.
    """

    def __init__(
        self, spool: Spool, columns: Sequence[int], codes: Mapping[int, Values], rows: Mask | None = None
    ) -> None:
        self._spool, self._columns, self._codes, self._rows = spool, list(columns), codes, rows
        self.count = spool.rows if rows is None else int(rows.sum())

    def write(self, path: Path) -> tuple[Features, Values | None]:
        """Write them to a file. Returns them, (n, d), memory-mapped, and their offset (d,). Raises PrecisionLost."""
        dtype, is_exact = self._storable()
        offset = None if is_exact else self._offset()
        with path.open("wb") as out:
            for chunk in self._chunks():
                values = chunk if offset is None else chunk - offset[:, None]
                np.ascontiguousarray(values.T, dtype).tofile(out)
        shape = (self.count, len(self._columns))
        features: Features = np.asarray(np.memmap(path, dtype, "r", shape=shape))
        return features, offset

    def _chunks(self) -> Any:
        """The features of each batch, (d, m)."""
        start = 0
        for batch in self._spool.batches():
            size = batch.shape[1]
            chunk = batch[self._columns]
            for place, column in enumerate(self._columns):
                if column in self._codes:
                    codes = chunk[place]
                    is_code = ~np.isnan(codes)
                    codes[is_code] = self._codes[column][codes[is_code].astype(np.int64)]
            yield chunk if self._rows is None else chunk[:, self._rows[start : start + size]]
            start += size

    def _storable(self) -> tuple[Any, bool]:
        """The type that the features are stored in, and whether it holds them exactly without an offset."""
        are_bytes, is_exact = True, True
        for chunk in self._chunks():
            single = chunk.astype(np.float32)
            are_bytes = are_bytes and bool(
                ((single >= 0) & (single <= 255) & (single == np.floor(single))).all()
            )
            is_exact = np.array_equal(single, chunk, equal_nan=True)
            if not is_exact:
                return np.float32, False
        return (np.uint8 if are_bytes else np.float32), True

    def _offset(self) -> Values | None:
        """The offset that the features need to stay distinct in single precision."""
        wanted, start = sampled_rows(self.count, len(self._columns)), 0
        picked = []
        for chunk in self._chunks():
            inside = wanted[(wanted >= start) & (wanted < start + chunk.shape[1])] - start
            picked.append(chunk[:, inside])
            start += chunk.shape[1]
        sample = np.concatenate(picked, axis=1).T
        offset = needed_offset(sample)
        require_distinct(sample, offset)
        return offset
