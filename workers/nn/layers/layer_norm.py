"""Layer normalisation: the features of a row get mean 0 and variance 1, then a learned scale and shift."""

from collections.abc import Mapping

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, sum_rows
from workers.nn.layers.layer import Backward, Layer, no_backward
from workers.nn.parameters import Constant, Parameter


class LayerNorm(Layer):
    """y = f(gamma xhat + beta), xhat = (x - mean) / sqrt(variance + epsilon), per row: the last axis of x.

    No row sees another: training and evaluation are the same map. gamma and beta do not decay.
    Source: Ba et al. 2016. Oracle: torch.nn.functional.layer_norm.
    """

    def __init__(self, features: int, *, epsilon: float = 1e-5, activation: Activation | None = None) -> None:
        super().__init__()
        self.features, self.epsilon = features, epsilon
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        shape = (self.features,)
        return {"gamma": Parameter(shape, Constant(1.0)), "beta": Parameter(shape, Constant(0.0))}

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        rows = x.reshape(-1, self.features)
        normalised, deviation = self._normalise(rows)
        y = np.multiply(normalised, self.values["gamma"], out=self.buffers("y", rows.shape, rows.dtype))
        y += self.values["beta"]
        output, activation_backward = self.activation(y.reshape(x.shape))
        if not training:
            return output, no_backward

        def backward(dy: Array) -> Array:
            dz = activation_backward(dy).reshape(rows.shape)
            return self._backward(dz, normalised, deviation).reshape(x.shape)

        return output, backward

    def _normalise(self, rows: Array) -> tuple[Array, Array]:
        """The xhat (N, F) and sqrt(variance + epsilon) (N, 1)."""
        centred = self.buffers("normalised", rows.shape, rows.dtype)
        np.subtract(rows, rows.mean(axis=1, keepdims=True), out=centred)
        deviation = np.einsum("nf,nf->n", centred, centred)[:, None]
        deviation /= self.features
        deviation += self.epsilon
        np.sqrt(deviation, out=deviation)
        centred /= deviation
        return centred, deviation

    def _backward(self, dy: Array, normalised: Array, deviation: Array) -> Array:
        """With g = gamma dy, and means over a row: dx = (g - mean(g) - xhat mean(g xhat)) / sigma."""
        product = np.multiply(dy, normalised, out=self.buffers("product", dy.shape, dy.dtype))
        sum_rows(product, out=self.gradients["gamma"])
        sum_rows(dy, out=self.gradients["beta"])
        dy *= self.values["gamma"]
        slope = np.einsum("nf,nf->n", dy, normalised)[:, None]
        slope /= self.features
        normalised *= slope
        dy -= dy.mean(axis=1, keepdims=True)
        dy -= normalised
        dy /= deviation
        return dy
