"""Dropout: training sets random inputs to zero."""

from functools import partial

import numpy as np

from workers.nn import kernels
from workers.nn.arrays import Array
from workers.nn.execution import BackwardPass, ForwardPass, no_backward
from workers.nn.layers.layer import Layer


class Dropout(Layer):
    """x mask / (1-p) in training, x at evaluation; `rate` p is the probability that an element is dropped.

    A forward pass and its backward pass use the same mask. It is a function of a 64-bit key that each forward pass
    draws, so a checkpoint needs only the state of the generator.
    Source: Srivastava et al. 2014, in the inverted form.
    """

    def __init__(self, rate: float, generator: np.random.Generator) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"the dropout rate is a probability in [0, 1), not {rate}")
        self.rate, self.generator = rate, generator

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        if not training:
            return ForwardPass(x, [], no_backward)
        apply, key = kernels.current().dropout, np.empty(1, np.uint64)
        y = self.buffers("y", x.shape, x.dtype)

        def draw_key() -> None:
            key[0] = self.generator.bit_generator.random_raw()

        def plan_backward(dy: Array) -> BackwardPass:
            flat = dy.reshape(-1)
            return BackwardPass(dy, [partial(apply, flat, key, self.rate, flat)])

        mask = partial(apply, x.reshape(-1), key, self.rate, y.reshape(-1))
        return ForwardPass(y, [draw_key, mask], plan_backward)
