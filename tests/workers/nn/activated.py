"""An activation as layers apply it: after a bias, here of zero."""

from collections.abc import Callable

import numpy as np

from workers.nn.activations import Activation
from workers.nn.arrays import Array, Buffers
from workers.nn.execution import run
from workers.nn.layers.bias import plan_bias


def activated(activation: Activation, z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """y = f(z), and the function that maps dL/dy to dL/dz. Neither changes its argument."""
    z, width = z.copy(), z.shape[-1:]
    bias, dbias = {"bias": np.zeros(width, z.dtype)}, {"bias": np.empty(width, z.dtype)}
    forward = plan_bias(z, bias, dbias, activation, Buffers())
    run(forward.operations)

    def backward(dy: Array) -> Array:
        planned = forward.plan_backward(dy.copy())
        run(planned.operations)
        return planned.dx

    return forward.y.copy(), backward
