"""Dropout: a random part of the inputs is zeroed while training."""

import numpy as np

from workers.nn.arrays import Array
from workers.nn.layers.layer import Backward, Layer, no_backward


class Dropout(Layer):
    """x mask / (1-p) in training, x at evaluation; `rate` p is the probability that an element is dropped.

    One mask a forward pass, the same in its backward. Source: Srivastava et al. 2014, in the inverted form.
    """

    def __init__(self, rate: float, generator: np.random.Generator) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"the dropout rate is a probability in [0, 1), not {rate}")
        self.rate, self.generator = rate, generator

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        if not training:
            return x, no_backward
        mask = self._draw(self.buffers("mask", x.shape, x.dtype))
        y = np.multiply(x, mask, out=self.buffers("y", x.shape, x.dtype))
        return y, lambda dy: np.multiply(dy, mask, out=dy)

    def _draw(self, mask: Array) -> Array:
        """Fill `mask` with 1/(1-p) where an element is kept, 0 where it is dropped."""
        self.generator.random(out=mask, dtype=mask.dtype.type)
        np.greater_equal(mask, self.rate, out=mask)
        mask *= 1 / (1 - self.rate)
        return mask
