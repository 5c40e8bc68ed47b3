"""The rows that a monitor has seen: a sample of bounded size, with which the next batch is compared.

From the sample and a batch together, the next sample is drawn without regard to which is which. So it says nothing
about how the batch compared, and the p-values of different batches are independent if nothing has shifted. Earlier
rows leave it by and by: the comparison is with recent rows, and that with the validation rows is for good.
"""

import zlib
from typing import Any

import numpy as np

from workers.nn.arrays import Array

MOST_ROWS = 2000
MOST_CELLS = 1_000_000
"""The sample takes 4 MB at most."""


def capacity(width: int) -> int:
    """How many rows of so many features are kept."""
    return min(MOST_ROWS, max(20, MOST_CELLS // width))


def drawn(rows: Any, most: int, stream: np.random.Generator) -> Array:
    """At most so many of the rows (n, d), drawn without replacement."""
    if len(rows) > most:
        rows = rows[np.sort(stream.choice(len(rows), most, replace=False))]
    return np.asarray(rows, np.float32)


def packed(rows: Array) -> bytes:
    """The rows as bytes."""
    return zlib.compress(np.ascontiguousarray(rows, "<f4").tobytes(), 1)


def unpacked(content: bytes, width: int) -> Array:
    """The rows (n, width) of `packed`."""
    return np.frombuffer(zlib.decompress(content), "<f4").reshape(-1, width).astype(np.float32)
