"""Batch normalisation: scale each feature to mean 0 and variance 1 over the batch, then learn a scale and a shift."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from workers.nn import kernels
from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array
from workers.nn.execution import BackwardPass, ForwardPass, no_backward
from workers.nn.initializers import ones, zeros
from workers.nn.layers.layer import Layer
from workers.nn.parameters import Parameter


class BatchNorm(Layer):
    """y = f(gamma xhat + beta), xhat = (x - mean) / sqrt(variance + epsilon), per feature (last axis of x).

    Training uses the mean and variance of all rows of the batch (of images: of every pixel of every image), and
    updates the running ones with them: running = m running + (1-m) batch. The running variance takes the unbiased
    variance of the batch. Evaluation uses the running ones. Weight decay does not apply to gamma and beta.
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
        return {"gamma": Parameter(shape, ones), "beta": Parameter(shape, zeros)}

    def bind(self, values: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        super().bind(values, gradients)
        self.running_mean = np.zeros_like(values["gamma"])
        self.running_variance = np.ones_like(values["gamma"])

    def statistics(self) -> Mapping[str, Array]:
        return {"running_mean": self.running_mean, "running_variance": self.running_variance}

    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        rows = x.reshape(-1, self.features)
        if training and len(rows) < 2:
            raise ValueError("batch norm needs two rows: the variance of one is zero")
        y = self.buffers("y", x.shape, x.dtype)
        activated = self.activation.plan_forward(y, self.buffers)
        if not training:
            normalise = partial(self._apply_running_statistics, rows, y.reshape(rows.shape))
            return ForwardPass(activated.y, [normalise, *activated.operations], no_backward)

        kernel, gamma, slope = kernels.current(), self.values["gamma"], self.activation.slope
        running = self.running_mean, self.running_variance, self.momentum, self.epsilon
        normalised = self.buffers("normalised", rows.shape, rows.dtype)
        deviation, scaled_rows = np.empty_like(gamma), y.reshape(rows.shape)
        normalise = partial(
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

        def plan_backward(dy: Array) -> BackwardPass:
            activation = activated.plan_backward(dy)
            dz, gradients = activation.dx, (self.gradients["gamma"], self.gradients["beta"])
            arguments = dz.reshape(rows.shape), scaled_rows, normalised, deviation, gamma, slope, *gradients
            return BackwardPass(dz, [*activation.operations, partial(kernel.batch_norm_backward, *arguments)])

        return ForwardPass(activated.y, [normalise, *activated.operations], plan_backward)

    def _apply_running_statistics(self, rows: Array, y: Array) -> None:
        factor = self.values["gamma"] / np.sqrt(self.running_variance + self.epsilon)
        np.multiply(rows, factor, out=y)
        kernels.current().add_bias(y, self.values["beta"] - self.running_mean * factor, self.activation.slope)
