"""Bias and activation after a matrix product, in one sweep if the activation is a rectifier."""

from collections.abc import Mapping
from functools import partial

from workers.nn import kernels
from workers.nn.activations import Activation
from workers.nn.arrays import Array, Buffers
from workers.nn.execution import BackwardPass, ForwardPass


def plan_bias(
    z: Array,
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    activation: Activation,
    buffers: Buffers,
) -> ForwardPass:
    """Plan y = f(z + bias) for z (N, ..., F), in place if f allows it. bias (F,) is `values["bias"]`, if given."""
    kernel, rows, slope = kernels.current(), z.reshape(-1, z.shape[-1]), activation.slope
    bias, dbias = bias_and_gradient(values, gradients, z, buffers)
    activated = activation.plan_forward(z, buffers)

    def plan_backward(dy: Array) -> BackwardPass:
        planned = activated.plan_backward(dy)
        dz = planned.dx.reshape(rows.shape)
        add_bias_backward = partial(kernel.add_bias_backward, dz, rows, slope, dbias)
        return BackwardPass(planned.dx, [*planned.operations, add_bias_backward])

    add_bias = partial(kernel.add_bias, rows, bias, slope)
    return ForwardPass(activated.y, [add_bias, *activated.operations], plan_backward)


def bias_and_gradient(
    values: Mapping[str, Array], gradients: Mapping[str, Array], z: Array, buffers: Buffers
) -> tuple[Array, Array]:
    """The bias (F,) for z (..., F), and the array for its gradient. Without a bias: zeros, and an unused array."""
    bias, dbias = values.get("bias"), gradients.get("bias")
    if bias is not None and dbias is not None:
        return bias, dbias
    bias, dbias = (buffers(name, z.shape[-1:], z.dtype) for name in ("no bias", "no gradient"))
    bias.fill(0)
    return bias, dbias
