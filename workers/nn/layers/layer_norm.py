"""Layer normalisation: scale each row to mean 0 and variance 1, then learn a scale and a shift per feature."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn import kernels
from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array
from workers.nn.execution import BackwardPass, ForwardPass, no_backward
from workers.nn.initializers import ones, zeros
from workers.nn.layers.bias import plan_bias
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Parameter


class LayerNorm(Layer):
    """y = f(gamma xhat + beta), xhat = (x - mean) / sqrt(variance + epsilon), per row: the last axis of x.

    Rows are independent, so training and evaluation compute the same. Weight decay does not apply to gamma and beta.
    Source: Ba et al. 2016. Oracle: torch.nn.functional.layer_norm.
    """

    def __init__(self, features: int, *, epsilon: float = 1e-5, activation: Activation | None = None) -> None:
        super().__init__()
        self.features, self.epsilon = features, epsilon
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        shape = (self.features,)
        return {"gamma": Parameter(shape, ones), "beta": Parameter(shape, zeros)}

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        rows = x.reshape(-1, self.features)
        normalised = self.buffers("normalised", rows.shape, rows.dtype)
        deviation = self.buffers("deviation", (len(rows), 1), rows.dtype)
        y = self.buffers("y", x.shape, x.dtype)
        shifted = self._plan_shift(y)

        def forward() -> None:
            self._normalise(rows, normalised, deviation)
            np.multiply(normalised, self.values["gamma"], out=y.reshape(rows.shape))

        def plan_backward(dy: Array) -> BackwardPass:
            shift = shifted.plan_backward(dy)
            backward = partial(self._backward, shift.dx.reshape(rows.shape), normalised, deviation)
            return BackwardPass(shift.dx, [*shift.operations, backward])

        operations = [forward, *shifted.operations]
        return ForwardPass(shifted.y, operations, plan_backward if training else no_backward)

    def _plan_shift(self, y: Array) -> ForwardPass:
        """Plan the shift by beta, which is a bias, and the activation."""
        values, gradients = {"bias": self.values["beta"]}, {"bias": self.gradients["beta"]}
        return plan_bias(y, values, gradients, self.activation, self.buffers)

    def _normalise(self, rows: Array, normalised: Array, deviation: Array) -> None:
        """Set xhat (N, F) and sqrt(variance + epsilon) (N, 1)."""
        np.subtract(rows, rows.mean(axis=1, keepdims=True), out=normalised)
        np.einsum("nf,nf->n", normalised, normalised, out=deviation[:, 0])
        deviation /= self.features
        deviation += self.epsilon
        np.sqrt(deviation, out=deviation)
        normalised /= deviation

    def _backward(self, dy: Array, normalised: Array, deviation: Array) -> None:
        """With g = gamma dy, and means over a row: dx = (g - mean(g) - xhat mean(g xhat)) / sigma."""
        product = np.multiply(dy, normalised, out=self.buffers("product", dy.shape, dy.dtype))
        kernels.current().sum_rows(product, self.gradients["gamma"])
        dy *= self.values["gamma"]
        slope = np.einsum("nf,nf->n", dy, normalised)[:, None]
        slope /= self.features
        normalised *= slope
        dy -= dy.mean(axis=1, keepdims=True)
        dy -= normalised
        dy /= deviation
