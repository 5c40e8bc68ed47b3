"""An output layer whose logits are scaled cosine similarities: only the directions of inputs and weights matter."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from workers.nn.arrays import Array, Shape
from workers.nn.execution import BackwardPass, ForwardPass, Operation, no_backward
from workers.nn.initializers import Initializer
from workers.nn.layers.bias import plan_bits
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Parameter


class CosineDense(Layer):
    """y_k = s cos(x, W_k) = s x/|x| . W_k/|W_k|, x (N, inputs), W (inputs, units) with columns W_k; no bias.

    |v| stands for sqrt(v.v + epsilon), which is smooth and never zero: a row of zeros gives zeros.
    The margins of a loss are then distances on the unit sphere. Source: Wang et al. 2018, CosFace;
    as the last layer of LDAM in Cao et al. 2019.
    """

    def __init__(
        self, inputs: int, units: int, *, scale: float, initializer: Initializer, epsilon: float = 1e-8
    ) -> None:
        super().__init__()
        self.inputs, self.units, self.scale = inputs, units, scale
        self.initializer, self.epsilon = initializer, epsilon

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": Parameter((self.inputs, self.units), self.initializer, decays=True)}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        weight, dweight = self.values["weight"], self.gradients["weight"]
        u, v = self.buffers("u", x.shape, x.dtype), self.buffers("v", weight.shape, weight.dtype)
        x_norm, weight_norm = np.empty((len(x), 1), x.dtype), np.empty((1, self.units), weight.dtype)
        y = self.buffers("y", (len(x), self.units), weight.dtype)
        multiply, multiply_backward = self._products(u, v, y, dweight, training=training)

        def normalise() -> None:
            np.divide(x, self._norms(x, axis=1, out=x_norm), out=u)
            np.divide(weight, self._norms(weight, axis=0, out=weight_norm), out=v)

        def plan_backward(dy: Array) -> BackwardPass:
            du = self.buffers("du", x.shape, x.dtype) if self.needs_input_gradient else None

            def project() -> None:
                if du is not None:
                    _project(du, u, x_norm, axis=1)
                _project(dweight, v, weight_norm, axis=0)

            scale = partial(np.multiply, dy, self.scale, dy)
            return BackwardPass(dy if du is None else du, [scale, *multiply_backward(dy, du), project])

        operations: list[Operation] = [normalise, *multiply, partial(np.multiply, y, self.scale, y)]
        return ForwardPass(y, operations, plan_backward if training else no_backward)

    def _products(
        self, u: Array, v: Array, y: Array, dweight: Array, *, training: bool
    ) -> tuple[list[Operation], Callable[[Array, Array | None], list[Operation]]]:
        """y = u v, and for dL/dy and du what computes dweight = u^T dy and, if du is given, du = dy v^T."""
        mixed = self.mixed_precision if training else None
        if mixed is None:
            return [partial(np.matmul, u, v, y)], lambda dy, du: [
                partial(np.matmul, u.T, dy, dweight),
                *([] if du is None else [partial(np.matmul, dy, v.T, du)]),
            ]
        (u_bits, round_u), (v_bits, round_v) = (
            plan_bits(each, self.buffers, name) for each, name in ((u, "bits of u"), (v, "bits of v"))
        )
        multiply = mixed.products.plan

        def backward(dy: Array, du: Array | None) -> list[Operation]:
            dy_bits, round_dy = plan_bits(dy, self.buffers, "bits of dy")
            to_input = [] if du is None else [multiply(dy_bits, v_bits, du, b_transposed=True)]
            return [*round_dy, multiply(u_bits, dy_bits, dweight, a_transposed=True), *to_input]

        return [*round_u, *round_v, multiply(u_bits, v_bits, y)], backward

    def _norms(self, vectors: Array, axis: int, out: Array) -> Array:
        np.einsum("ni,ni->n" if axis == 1 else "ni,ni->i", vectors, vectors, out=out.reshape(-1))
        out += self.epsilon
        return np.sqrt(out, out=out)


def _project(gradient: Array, directions: Array, norms: Array, axis: int) -> None:
    """Turn dL/dv into dL/dw in place, for v = w / |w|: (dL/dv - v (v . dL/dv)) / |w|. Overwrites the directions v."""
    along = np.einsum("ni,ni->n" if axis == 1 else "ni,ni->i", directions, gradient)
    directions *= np.expand_dims(along, axis)
    gradient -= directions
    gradient /= norms
