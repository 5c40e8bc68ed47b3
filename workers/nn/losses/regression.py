"""Regression losses: differences between the predictions of the output layer and the targets Y.

For labels, which are integers, the targets are one-hot, (N, K). For numbers, which are floats, they are these
numbers, and the network has one linear output.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import Counts
from workers.nn.losses.loss import Loss, LossFunction, Task
from workers.nn.output_layers import log_softmax, predict
from workers.tagged_union import Positive, variant

BOTH: tuple[Task, ...] = ("classification", "regression")


def residuals(predictions: Array, targets: Array | Integers) -> Array:
    """Predictions (N, K) minus the targets (N,): one-hot ones of integers, or with K = 1 the numbers themselves."""
    if targets.dtype.kind == "f":
        return predictions - targets.astype(predictions.dtype, copy=False)[:, np.newaxis]
    r = predictions.copy()
    r[np.arange(len(targets)), targets] -= 1
    return r


@variant
class L2(Loss):
    """Squared error 1/2 sum_k r_k^2, r = z-Y or sigmoid(z)-Y; on a softmax the Brier score sum_k r_k^2, r = p-Y.

    The constant that minimises it is the mean of the targets, so it estimates p(k given x). The gradient grows
    with the residual; behind a sigmoid it saturates.
    When: for numbers, if you want their mean; for classes, to see what regression on one-hot labels does.
    Source: Brier 1950; Gneiting & Raftery 2007, Strictly proper scoring rules. Oracle: torch mse_loss.
    """

    tasks: ClassVar = BOTH
    name: Literal["l2"] = "l2"
    output: Literal["linear", "sigmoid", "softmax"] = "linear"

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        predictions, backward = predict(logits, self.output)
        r = residuals(predictions, labels)
        half = 1.0 if self.output == "softmax" else 0.5
        return half * (r * r).sum(axis=1), backward(2 * half * r)


@variant
class L1(Loss):
    """Absolute error sum_k |r_k|, r = z-Y, sigmoid(z)-Y or p-Y; the gradient in r is sign(r), with sign(0) = 0.

    On a softmax it is 2 (1-p_y): robust to wrong labels, but slow to start. The constant that minimises it is
    the *median* of the targets, so on linear and sigmoid outputs it collapses to zero for every class rarer
    than one half. These outputs exist to demonstrate that.
    When: for numbers with outliers, if you want their median; for classes, to see that rare ones are
    given up.
    Source: Ghosh et al. 2017, Robust loss functions under label noise. Oracle: torch l1_loss.
    """

    tasks: ClassVar = BOTH
    name: Literal["l1"] = "l1"
    output: Literal["linear", "sigmoid", "softmax"] = "softmax"

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        predictions, backward = predict(logits, self.output)
        r = residuals(predictions, labels)
        return np.abs(r).sum(axis=1), backward(np.sign(r))


@variant
class Huber(Loss):
    """Huber loss: sum_k of r^2/2 if |r| <= d, else of d (|r| - d/2), r = z-Y, d = delta; dL/dz = clip(r, -d, d).

    When: for numbers with some outliers: it is L2 for small residuals and L1 for large ones.
    Source: Huber 1964, Robust estimation of a location parameter. Oracle: torch huber_loss
    (smooth_l1_loss is huber / d).
    """

    tasks: ClassVar = BOTH
    name: Literal["huber"] = "huber"
    output: Literal["linear"] = "linear"
    delta: Positive = 1.0

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        r = residuals(logits, labels)
        clipped = np.clip(r, -self.delta, self.delta)
        # both branches in one: with c = clip(r), c (r - c/2) is r^2/2 inside and d (|r| - d/2) outside
        return (clipped * (r - 0.5 * clipped)).sum(axis=1), clipped


@variant
class Barron(Loss):
    """sum_k of (b/a) [(s/b + 1)^(a/2) - 1], s = (r/c)^2, b = |a-2|, r = z-Y; dL/dz = r/c^2 (s/b + 1)^(a/2-1).

    A family of losses by a = alpha: 2 is L2, 1 Charbonnier (a smooth L1), 0 Cauchy log(1 + s/2), -2 Geman-McClure,
    "-inf" (JSON has no infinity) Welsch 1 - exp(-s/2). The smaller a, the less outliers matter.
    When: for numbers, if you want to choose how much outliers count.
    Source: Barron 2019, A general and adaptive robust loss function. Oracle: the formula in torch, and its autograd.
    """

    tasks: ClassVar = BOTH
    name: Literal["barron"] = "barron"
    output: Literal["linear"] = "linear"
    alpha: Annotated[float, Field(strict=True, le=2)] | Literal["-inf"] = 1.0
    c: Positive = 1.0

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        x = residuals(logits, labels) / self.c
        losses, damping = _barron(x * x, float(self.alpha))
        return losses.sum(axis=1), x * damping / self.c


@variant
class Quantile(Loss):
    """Pinball loss: q r if r >= 0, else (q-1) r, r = Y-z, q = quantile; dL/dz = -q if r > 0, 1-q if r < 0, 0 at 0.

    The constant that minimises it is the q-quantile of the targets; q = 1/2 is half of L1.
    When: for numbers, if too high and too low cost differently, or if you need the ends of a range.
    Source: Koenker & Bassett 1978, Regression quantiles. Oracle: the formula in torch, sklearn's mean_pinball_loss.
    """

    tasks: ClassVar = ("regression",)
    name: Literal["quantile"] = "quantile"
    output: Literal["linear"] = "linear"
    quantile: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.5

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        excess = residuals(logits, labels)  # z - Y
        slopes = np.where(excess > 0, 1 - self.quantile, -self.quantile) * (excess != 0)
        slopes = slopes.astype(logits.dtype)
        return (slopes * excess).sum(axis=1), slopes


@variant
class BalancedMSE(Loss):
    """-log softmax_j(-|z_i - Y_j|^2 / (2 s^2)) at j = i, over the rows j of the batch, s = sigma.

    dL_i/dz_i = (sum_j p_ij Y_j - Y_i) / s^2. Dividing by how probable each prediction makes the targets of a batch
    undoes that rare targets are rare. s is that of the noise, in standard deviations of the target. At evaluation the
    loss is L2, 1/2 sum_k (z_k - Y_k)^2. Batches of one row teach nothing.
    When: for numbers, if rare targets matter as much as frequent ones.
    Source: Ren et al. 2022, Balanced MSE for imbalanced visual regression (batch-based Monte Carlo).
    Oracle: the authors' bmc_loss, rewritten in torch, and its autograd.
    """

    tasks: ClassVar = ("regression",)
    frequency_aware: ClassVar = True
    name: Literal["balanced_mse"] = "balanced_mse"
    output: Literal["linear"] = "linear"
    sigma: Positive = 1.0

    def with_class_counts(self, class_counts: Counts) -> LossFunction:
        return BatchMonteCarlo(self.sigma)

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        r = residuals(logits, labels)
        return 0.5 * (r * r).sum(axis=1), r


@dataclass(frozen=True)
class BatchMonteCarlo(LossFunction):
    """The balanced MSE of a batch: each row is told apart from the other rows of the batch by its target."""

    sigma: float

    def __call__(self, logits: Array, labels: Array | Integers) -> tuple[Array, Array]:
        targets = -residuals(np.zeros_like(logits), labels)
        variance = logits.dtype.type(self.sigma**2)
        # the squares of the logits are the same for every j: the softmax does not need them
        products = logits @ targets.T - (targets * targets).sum(axis=1) / 2
        log_p = log_softmax(products / variance)
        return -log_p.diagonal(), (np.exp(log_p) @ targets - targets) / variance


def _barron(s: Array, a: float) -> tuple[Array, Array]:
    """The loss and the factor by which it damps the gradient of L2, for squares s and a <= 2.

    With w = (b/2) log(1 + s/b) both limits of a are limits of w: the loss is w (exp(y)-1)/y, y = w a/b,
    and the factor exp(-w). w is 0 for a = 2; it is s/2, to the last digit, for every a below -1e16.
    """
    b = 2 - a
    if b == 0:
        return s / 2, np.ones_like(s)
    w, ratio = (s / 2, -1.0) if b > 1e16 else (b / 2 * np.log1p(s / b), a / b)
    y = ratio * w
    growth = np.divide(np.expm1(y), y, out=np.ones_like(y), where=y != 0)
    return w * growth, np.exp(-w)


RegressionLoss = L2 | L1 | Huber | Barron | Quantile | BalancedMSE
