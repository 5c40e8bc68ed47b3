"""Batches: rows gathered from a part, scaled, and mixed where a balancing asks for it, in one pass."""

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.nn import kernels
from workers.nn.arrays import Array


class Gather:
    """Scaled rows of one part, written to buffers of the caller. `out` decides the precision."""

    def __init__(self, part: Dataset, scaler: Scaler) -> None:
        self.features, self.scaler = part.features, scaler
        self.kernel = kernels.current()

    def into(self, rows: Indices, out: Array) -> Array:
        """Write the scaled `rows` (m,) to `out` (m, d)."""
        self.kernel.gather(self.features, rows, self.scaler.offset, self.scaler.factor, out)
        return out

    def mixed_into(self, rows: Indices, partners: Indices, mixing: NDArray[np.float32], out: Array) -> Array:
        """Write x + u (x' - x), of scaled `rows` x, `partners` x' and `mixing` u (m,), to `out` (m, d)."""
        self.into(rows, out)
        self.kernel.mix(self.features, partners, mixing, self.scaler.offset, self.scaler.factor, out)
        return out
