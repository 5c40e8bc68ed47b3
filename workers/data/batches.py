"""Batches: rows gathered from a part, scaled, and mixed where a balancing asks for it, into one buffer."""

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.nn.arrays import Array, Buffers


class Gather:
    """Scaled rows of one part, written to buffers of the caller. `out` decides the precision."""

    def __init__(self, part: Dataset, scaler: Scaler) -> None:
        self.features, self.scaler = part.features, scaler
        self.buffers = Buffers()

    def into(self, rows: Indices, out: Array) -> Array:
        """Write the scaled `rows` (m,) to `out` (m, d)."""
        same = self.features.dtype == out.dtype
        raw = out if same else self.buffers("raw", out.shape, self.features.dtype)
        # With the default mode="raise", take() copies the whole result once more.
        np.take(self.features, rows, axis=0, out=raw, mode="clip")
        return self.scaler.into(raw, out)

    def mixed_into(self, rows: Indices, partners: Indices, mixing: NDArray[np.float32], out: Array) -> Array:
        """Write x + u (x' - x), of scaled `rows` x, `partners` x' and `mixing` u (m,), to `out` (m, d)."""
        x = self.into(rows, out)
        towards = self.into(partners, self.buffers("partners", out.shape, out.dtype))
        towards -= x
        towards *= mixing[:, np.newaxis]
        x += towards
        return x
