"""An activation as layers apply it: behind a bias, here of zero."""

from collections.abc import Callable

import numpy as np

from workers.nn.activations import Activation
from workers.nn.arrays import Array, Buffers
from workers.nn.execution import run
from workers.nn.layers.bias import wire_bias


def activated(activation: Activation, z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """y = f(z), and the map from dL/dy to dL/dz; both leave what they are given alone."""
    z, width = z.copy(), z.shape[-1:]
    bias, dbias = {"bias": np.zeros(width, z.dtype)}, {"bias": np.empty(width, z.dtype)}
    y, passes, wire_backward = wire_bias(z, bias, dbias, activation, Buffers())
    run(passes)

    def backward(dy: Array) -> Array:
        dz, backward_passes = wire_backward(dy.copy())
        run(backward_passes)
        return dz

    return y.copy(), backward
