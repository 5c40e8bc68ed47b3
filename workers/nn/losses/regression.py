"""Regression losses: differences between the predictions of the output layer and the one-hot targets Y."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from workers.nn.arrays import Array, Integers
from workers.nn.losses.loss import Loss
from workers.nn.output_layers import predict
from workers.tagged_union import Positive, variant


def residuals(predictions: Array, labels: Integers) -> Array:
    """Predictions minus one-hot targets, (N, K)."""
    r = predictions.copy()
    r[np.arange(len(labels)), labels] -= 1
    return r


@variant
class L2(Loss):
    """Squared error 1/2 sum_k r_k^2, r = z-Y or sigmoid(z)-Y; on a softmax the Brier score sum_k r_k^2, r = p-Y.

    The constant that minimises it is the mean of the targets, so it estimates p(k given x). The gradient grows
    with the residual; behind a sigmoid it saturates.
    Source: Brier 1950; Gneiting & Raftery 2007, Strictly proper scoring rules. Oracle: torch mse_loss.
    """

    name: Literal["l2"] = "l2"
    output: Literal["linear", "sigmoid", "softmax"] = "linear"

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
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
    Source: Ghosh et al. 2017, Robust loss functions under label noise. Oracle: torch l1_loss.
    """

    name: Literal["l1"] = "l1"
    output: Literal["linear", "sigmoid", "softmax"] = "softmax"

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        predictions, backward = predict(logits, self.output)
        r = residuals(predictions, labels)
        return np.abs(r).sum(axis=1), backward(np.sign(r))


@variant
class Huber(Loss):
    """Huber loss: sum_k of r^2/2 if |r| <= d, else of d (|r| - d/2), r = z-Y, d = delta; dL/dz = clip(r, -d, d).

    Source: Huber 1964, Robust estimation of a location parameter. Oracle: torch huber_loss
    (smooth_l1_loss is huber / d).
    """

    name: Literal["huber"] = "huber"
    output: Literal["linear"] = "linear"
    delta: Positive = 1.0

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        r = residuals(logits, labels)
        clipped = np.clip(r, -self.delta, self.delta)
        # both branches in one: with c = clip(r), c (r - c/2) is r^2/2 inside and d (|r| - d/2) outside
        return (clipped * (r - 0.5 * clipped)).sum(axis=1), clipped


@variant
class Barron(Loss):
    """sum_k of (b/a) [(s/b + 1)^(a/2) - 1], s = (r/c)^2, b = |a-2|, r = z-Y; dL/dz = r/c^2 (s/b + 1)^(a/2-1).

    A family of losses by a = alpha: 2 is L2, 1 Charbonnier (a smooth L1), 0 Cauchy log(1 + s/2), -2 Geman-McClure,
    "-inf" (JSON has no infinity) Welsch 1 - exp(-s/2). The smaller a, the less outliers matter.
    Source: Barron 2019, A general and adaptive robust loss function. Oracle: the formula in torch, and its autograd.
    """

    name: Literal["barron"] = "barron"
    output: Literal["linear"] = "linear"
    alpha: Annotated[float, Field(strict=True, le=2)] | Literal["-inf"] = 1.0
    c: Positive = 1.0

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        x = residuals(logits, labels) / self.c
        losses, damping = _barron(x * x, float(self.alpha))
        return losses.sum(axis=1), x * damping / self.c


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


RegressionLoss = L2 | L1 | Huber | Barron
