"""Which rows of a data set an experiment trains or validates on: after that, a test on them is no test of its kind.

One bit a row, in the order of the data set, beside the digests of all its rows: so the record of an experiment is
small, experiments with the same split share it, and rows are found again in any other data set by their digests.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Indices
from workers.data.row_digests import Digests

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ExposedRows:
    """The exposed rows of one data set, as one split and imbalance choose them.

    key: the name of both together, `split_key`. sha256: of the data set. digests: (n,), of all its rows.
    bits: one per row, packed.
    """

    key: str
    sha256: str
    digests: Digests
    bits: bytes

    @classmethod
    def of(cls, key: str, sha256: str, digests: Digests, rows: Indices) -> Self:
        mask = np.zeros(len(digests), bool)
        mask[rows] = True
        return cls(key, sha256, digests, np.packbits(mask).tobytes())


def unpacked(bits: bytes, rows: int) -> Mask:
    """The mask (n,) of packed bits."""
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=rows).astype(bool)
