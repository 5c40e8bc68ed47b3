"""Dropout: a random part of the inputs is zeroed while training."""

from functools import partial

import numpy as np

from workers.nn import kernels
from workers.nn.arrays import Array
from workers.nn.execution import Backward, Pass, no_backward
from workers.nn.layers.layer import Layer


class Dropout(Layer):
    """x mask / (1-p) in training, x at evaluation; `rate` p is the probability that an element is dropped.

    One mask a forward pass, the same in its backward: it is a function of one key of 64 bits that each forward
    draws, so that the generator's state is all that a resume needs. Source: Srivastava et al. 2014, in the
    inverted form.
    """

    def __init__(self, rate: float, generator: np.random.Generator) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"the dropout rate is a probability in [0, 1), not {rate}")
        self.rate, self.generator = rate, generator

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        if not training:
            return x, [], no_backward
        apply, key = kernels.current().dropout, np.empty(1, np.uint64)
        y = self.buffers("y", x.shape, x.dtype)

        def draw() -> None:
            key[0] = self.generator.bit_generator.random_raw()

        def backward(dy: Array) -> tuple[Array, list[Pass]]:
            flat = dy.reshape(-1)
            return dy, [partial(apply, flat, key, self.rate, flat)]

        return y, [draw, partial(apply, x.reshape(-1), key, self.rate, y.reshape(-1))], backward
