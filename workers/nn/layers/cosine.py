"""An output layer of scaled cosine similarities: only the directions of inputs and weights count."""

from collections.abc import Mapping

import numpy as np

from workers.nn.arrays import Array, Shape
from workers.nn.layers.layer import Backward, Layer, no_backward
from workers.nn.parameters import Initial, Parameter


class CosineDense(Layer):
    """y_k = s cos(x, W_k) = s x/|x| . W_k/|W_k|, x (N, inputs), W (inputs, units) with columns W_k; no bias.

    |v| stands for sqrt(v.v + epsilon), smooth and never zero: a row of zeros answers zeros.
    The margins of a loss are then distances on the unit sphere. Source: Wang et al. 2018, CosFace;
    as the last layer of LDAM in Cao et al. 2019.
    """

    def __init__(
        self, inputs: int, units: int, *, scale: float, initial: Initial, epsilon: float = 1e-8
    ) -> None:
        super().__init__()
        self.inputs, self.units, self.scale = inputs, units, scale
        self.initial, self.epsilon = initial, epsilon

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": Parameter((self.inputs, self.units), self.initial, decays=True)}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        weight = self.values["weight"]
        x_norm, weight_norm = self._norms(x, axis=1), self._norms(weight, axis=0)
        u = np.divide(x, x_norm, out=self.buffers("u", x.shape, x.dtype))
        v = np.divide(weight, weight_norm, out=self.buffers("v", weight.shape, weight.dtype))
        y = np.matmul(u, v, out=self.buffers("y", (len(x), self.units), weight.dtype))
        y *= self.scale
        if not training:
            return y, no_backward

        def backward(dy: Array) -> Array:
            dy *= self.scale
            dv = np.matmul(u.T, dy, out=self.gradients["weight"])
            dv -= v * np.einsum("ik,ik->k", v, dv)
            dv /= weight_norm
            if not self.needs_input_gradient:
                return dy
            du = np.matmul(dy, v.T, out=self.buffers("du", x.shape, x.dtype))
            du -= np.multiply(u, np.einsum("ni,ni->n", u, du)[:, None], out=u)
            du /= x_norm
            return du

        return y, backward

    def _norms(self, vectors: Array, axis: int) -> Array:
        squares: Array = np.einsum("ni,ni->n" if axis == 1 else "ni,ni->i", vectors, vectors)
        squares += self.epsilon
        return np.expand_dims(np.sqrt(squares, out=squares), axis)
