"""Batch normalisation: each feature gets mean 0 and variance 1 in a batch, then a learned scale and shift."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn import kernels
from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array
from workers.nn.execution import Backward, Pass, no_backward
from workers.nn.layers.layer import Layer
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

    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        rows = x.reshape(-1, self.features)
        if training and len(rows) < 2:
            raise ValueError("batch norm needs two rows: the variance of one is zero")
        y = self.buffers("y", x.shape, x.dtype)
        output, ending, ending_backward = self.activation.wire(y, self.buffers)
        if not training:
            scaled = partial(self._by_running_statistics, rows, y.reshape(rows.shape))
            return output, [scaled, *ending], no_backward

        kernel, gamma, slope = kernels.current(), self.values["gamma"], self.activation.slope
        running = self.running_mean, self.running_variance, self.momentum, self.epsilon
        normalised = self.buffers("normalised", rows.shape, rows.dtype)
        deviation, scaled_rows = np.empty_like(gamma), y.reshape(rows.shape)
        forward = partial(
            kernel.batch_norm,
            rows,
            gamma,
            self.values["beta"],
            *running,
            slope,
            normalised,
            deviation,
            scaled_rows,
        )

        def backward(dy: Array) -> tuple[Array, list[Pass]]:
            dz, passes = ending_backward(dy)
            of_rows, gradients = dz.reshape(rows.shape), (self.gradients["gamma"], self.gradients["beta"])
            arguments = of_rows, scaled_rows, normalised, deviation, gamma, slope, *gradients
            return dz, [*passes, partial(kernel.batch_norm_backward, *arguments)]

        return output, [forward, *ending], backward

    def _by_running_statistics(self, rows: Array, y: Array) -> None:
        factor = self.values["gamma"] / np.sqrt(self.running_variance + self.epsilon)
        np.multiply(rows, factor, out=y)
        kernels.current().add_bias(y, self.values["beta"] - self.running_mean * factor, self.activation.slope)
