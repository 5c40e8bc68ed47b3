"""Batches: gather rows of a part, scale them, and mix them if the balancing asks for it, in one pass."""

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset, Indices, Labels
from workers.data.preprocessing import Encoder
from workers.data.scaling import Scaler
from workers.nn import kernels
from workers.nn.arrays import Array


class BatchGatherer:
    """Writes scaled batches of one part to arrays of the caller: x (m, d), in any float precision, and y (m,)."""

    def __init__(self, part: Dataset, scaler: Scaler) -> None:
        self.features, self.labels, self.scaler = part.features, part.labels, scaler
        self.kernel = kernels.current()

    def into(self, rows: Indices, x: Array, y: Labels) -> None:
        """Write the scaled `rows` (m,) and their labels."""
        self.scaler.gather(self.features, self.labels, rows, x, y)

    def mixed_into(
        self,
        rows: Indices,
        partners: Indices,
        mixing: NDArray[np.float32],
        x: Array,
        y: Labels,
        agreed: NDArray[np.float32] | None = None,
    ) -> None:
        """Write x + u (x' - x) for scaled `rows` x, `partners` x' and `mixing` u (m,); and the labels of `rows`.

        With `agreed` (m, d), what new examples of an encoded table have besides its numbers.
        """
        if isinstance(self.scaler, Encoder):
            np.take(self.labels, rows, out=y)
            stored = self.scaler.mixed(self.features[rows], self.features[partners], mixing, agreed)
            self.scaler.into(stored, x)
            return
        self.into(rows, x, y)
        self.kernel.mix(self.features, partners, mixing, self.scaler.offset, self.scaler.factor, x)
