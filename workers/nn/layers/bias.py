"""What follows a product: the bias and the activation, in one pass where the activation is a rectifier."""

from collections.abc import Mapping
from functools import partial

from workers.nn import kernels
from workers.nn.activations import Activation
from workers.nn.arrays import Array, Buffers
from workers.nn.execution import Backward, Pass


def wire_bias(
    z: Array,
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    activation: Activation,
    buffers: Buffers,
) -> tuple[Array, list[Pass], Backward]:
    """y = f(z + bias) for z (N, ..., F), in place where f allows; bias (F,) by its name, 0 where there is none."""
    kernel, rows, slope = kernels.current(), z.reshape(-1, z.shape[-1]), activation.slope
    bias, dbias = bias_of(values, gradients, z, buffers)
    y, passes, activation_backward = activation.wire(z, buffers)

    def backward(dy: Array) -> tuple[Array, list[Pass]]:
        dz, backward_passes = activation_backward(dy)
        of_rows = dz.reshape(rows.shape)
        return dz, [*backward_passes, partial(kernel.add_bias_backward, of_rows, rows, slope, dbias)]

    return y, [partial(kernel.add_bias, rows, bias, slope), *passes], backward


def bias_of(
    values: Mapping[str, Array], gradients: Mapping[str, Array], z: Array, buffers: Buffers
) -> tuple[Array, Array]:
    """The bias (F,) of z (..., F) and where its gradient goes; where there is none: zeros, an array for nobody."""
    bias, dbias = values.get("bias"), gradients.get("bias")
    if bias is not None and dbias is not None:
        return bias, dbias
    bias, dbias = (buffers(name, z.shape[-1:], z.dtype) for name in ("no bias", "no gradient"))
    bias.fill(0)
    return bias, dbias
