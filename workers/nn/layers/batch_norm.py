"""Batch normalisation: each feature gets mean 0 and variance 1 in a batch, then a learned scale and shift."""

from collections.abc import Mapping

import numpy as np

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, sum_rows
from workers.nn.layers.layer import Backward, Layer, no_backward
from workers.nn.parameters import Constant, Parameter


class BatchNorm(Layer):
    """y = f(gamma xhat + beta), xhat = (x - mean) / sqrt(variance + epsilon), per feature (last axis of x).

    In training, mean and variance are those of all rows of the batch (for images: of every pixel of every
    image) and enter the running ones: running = m running + (1-m) batch, where the running variance takes
    the unbiased one. Evaluation uses the running ones. gamma and beta do not decay.
    Source: Ioffe & Szegedy 2015. Oracle: torch.nn.BatchNorm1d and 2d, whose momentum is 1 - m.
    """

    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        self.features, self.momentum, self.epsilon = features, momentum, epsilon
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        shape = (self.features,)
        return {"gamma": Parameter(shape, Constant(1.0)), "beta": Parameter(shape, Constant(0.0))}

    def bind(self, values: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        super().bind(values, gradients)
        self.running_mean = np.zeros_like(values["gamma"])
        self.running_variance = np.ones_like(values["gamma"])

    def statistics(self) -> Mapping[str, Array]:
        return {"running_mean": self.running_mean, "running_variance": self.running_variance}

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        rows = x.reshape(-1, self.features)
        y = self.buffers("y", rows.shape, rows.dtype)
        if not training:
            scale = self.values["gamma"] / np.sqrt(self.running_variance + self.epsilon)
            np.multiply(rows, scale, out=y)
            y += self.values["beta"] - self.running_mean * scale
            return self.activation(y.reshape(x.shape))[0], no_backward
        if len(rows) < 2:
            raise ValueError("batch norm needs two rows: the variance of one is zero")
        normalised, deviation = self._normalise(rows, scratch=y)
        np.multiply(normalised, self.values["gamma"], out=y)
        y += self.values["beta"]
        output, activation_backward = self.activation(y.reshape(x.shape))

        def backward(dy: Array) -> Array:
            dz = activation_backward(dy).reshape(rows.shape)
            return self._backward(dz, normalised, deviation).reshape(x.shape)

        return output, backward

    def _normalise(self, rows: Array, scratch: Array) -> tuple[Array, Array]:
        """The xhat (N, F) and sqrt(variance + epsilon) (F,) of a batch; the running statistics take it in."""
        n, mean = len(rows), np.empty_like(self.running_mean)
        sum_rows(rows, out=mean)
        mean /= n
        centred = np.subtract(rows, mean, out=self.buffers("normalised", rows.shape, rows.dtype))
        variance = sum_rows(np.multiply(centred, centred, out=scratch), out=np.empty_like(mean)) / n
        self.running_mean *= self.momentum
        self.running_mean += (1 - self.momentum) * mean
        self.running_variance *= self.momentum
        self.running_variance += (1 - self.momentum) * n / (n - 1) * variance
        deviation = np.sqrt(variance + self.epsilon)
        centred /= deviation
        return centred, deviation

    def _backward(self, dy: Array, normalised: Array, deviation: Array) -> Array:
        """The two sums are dbeta and dgamma in dx = gamma / (N sigma) (N dy - sum dy - xhat sum(dy xhat))."""
        n, dgamma, dbeta = len(dy), self.gradients["gamma"], self.gradients["beta"]
        sum_rows(dy, out=dbeta)
        product = self.buffers("product", dy.shape, dy.dtype)
        sum_rows(np.multiply(dy, normalised, out=product), out=dgamma)
        normalised *= dgamma / n
        dy -= normalised
        dy -= dbeta / n
        dy *= self.values["gamma"] / deviation
        return dy
