"""Bias and activation after a matrix product, in one sweep if the activation is a rectifier.

In mixed precision the same sweeps round what the next product reads.
"""

from collections.abc import Mapping
from functools import partial
from typing import cast

import numpy as np

from workers.nn import kernels
from workers.nn.activations import Activation, Rectifier
from workers.nn.arrays import Array, Bits, Buffers, Integers
from workers.nn.execution import BackwardPass, ForwardPass, Operation


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


def plan_rounded_bias(
    z: Array,
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    activation: Activation,
    buffers: Buffers,
    *,
    gives_bits: bool,
) -> ForwardPass:
    """The same in mixed precision: `dx` of the backward pass are the bits of dL/dz.

    gives_bits: y are bits as well, if the activation is a rectifier.
    """
    kernel, rows, slope = kernels.current(), z.reshape(-1, z.shape[-1]), activation.slope
    bias, dbias = bias_and_gradient(values, gradients, z, buffers)
    if gives_bits and isinstance(activation, Rectifier):
        y = buffers("bits of y", z.shape, np.uint16)
        signed: Array | Integers = y.view(np.int16).reshape(rows.shape)
        forward: list[Operation] = [
            partial(kernel.add_bias_rounded, rows, bias, slope, y.reshape(rows.shape))
        ]
        activated = ForwardPass(y, [], lambda dy: BackwardPass(dy, []))
    else:
        signed, forward = rows, [partial(kernel.add_bias, rows, bias, slope)]
        activated = activation.plan_forward(z, buffers)

    def plan_backward(dy: Array) -> BackwardPass:
        planned = activated.plan_backward(dy)
        dz = buffers("bits of dz", z.shape, np.uint16)
        arguments = planned.dx.reshape(rows.shape), signed, slope, dbias, dz.reshape(rows.shape)
        return BackwardPass(dz, [*planned.operations, partial(kernel.add_bias_backward_rounded, *arguments)])

    return ForwardPass(activated.y, [*forward, *activated.operations], plan_backward)


def plan_bits(x: Array, buffers: Buffers, name: str = "bits of x") -> tuple[Bits, list[Operation]]:
    """The bits of x, and the operations that round it: none if x are bits already."""
    if x.dtype == np.uint16:
        return cast("Bits", x), []
    bits = buffers(name, x.shape, np.uint16)
    return bits, [partial(kernels.current().round_to_bfloat16, x.reshape(-1), bits.reshape(-1))]


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
