"""Every loss against torch in float64: its values, and its gradient by autograd."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

from tests.pytorch import functional, torch
from tests.workers.nn.losses.cases import CLASSES, COUNTS, every_loss, some_labels, some_logits
from workers.nn.losses import (
    L1,
    L2,
    LDAM,
    AnyLoss,
    BalancedMSE,
    Barron,
    Focal,
    GeneralizedCrossEntropy,
    Huber,
    Loss,
    Quantile,
)
from workers.tagged_union import names

pytestmark = pytest.mark.usefixtures("every_kernel_set")
Tensor = Any


def predictions(loss: Loss, z: Tensor) -> Tensor:
    return {"linear": lambda: z, "sigmoid": z.sigmoid, "softmax": lambda: z.softmax(1)}[loss.output]()


def target(y: Tensor) -> Tensor:
    return functional.one_hot(y, CLASSES).double()


def cross_entropy(z: Tensor, y: Tensor, **fields: float) -> Tensor:
    return functional.cross_entropy(z, y, reduction="none", **fields)


def l2(loss: L2, z: Tensor, y: Tensor) -> Tensor:
    squares = functional.mse_loss(predictions(loss, z), target(y), reduction="none").sum(1)
    return squares if loss.output == "softmax" else squares / 2


def l1(loss: L1, z: Tensor, y: Tensor) -> Tensor:
    return functional.l1_loss(predictions(loss, z), target(y), reduction="none").sum(1)


def huber(loss: Huber, z: Tensor, y: Tensor) -> Tensor:
    return functional.huber_loss(z, target(y), reduction="none", delta=loss.delta).sum(1)


def barron(loss: Barron, z: Tensor, y: Tensor) -> Tensor:
    a, s = float(loss.alpha), ((z - target(y)) / loss.c) ** 2
    limits: dict[float, Callable[[], Tensor]] = {
        2: lambda: s / 2,
        0: lambda: (1 + s / 2).log(),
        -inf: lambda: 1 - (-s / 2).exp(),
    }
    if a in limits:
        return limits[a]().sum(1)
    return (abs(a - 2) / a * ((s / abs(a - 2) + 1) ** (a / 2) - 1)).sum(1)


def quantile(loss: Quantile, z: Tensor, y: Tensor) -> Tensor:
    r = target(y) - z
    return torch.maximum(loss.quantile * r, (loss.quantile - 1) * r).sum(1)


def balanced_mse(loss: BalancedMSE, z: Tensor, y: Tensor) -> Tensor:
    """The authors' bmc_loss_md, without its factor 2 s^2."""
    distances = torch.cdist(z, target(y), compute_mode="donot_use_mm_for_euclid_dist") ** 2
    return functional.cross_entropy(-distances / (2 * loss.sigma**2), torch.arange(len(z)), reduction="none")


def focal(loss: Focal, z: Tensor, y: Tensor) -> Tensor:
    """torchvision.ops.sigmoid_focal_loss, on a softmax."""
    nll = cross_entropy(z, y)
    alpha = torch.tensor(loss.alpha or (1.0,) * CLASSES, dtype=z.dtype)[y]
    return alpha * (1 - (-nll).exp()) ** loss.gamma * nll


def generalized_cross_entropy(loss: GeneralizedCrossEntropy, z: Tensor, y: Tensor) -> Tensor:
    p_y = z.softmax(1).gather(1, y[:, None])[:, 0]
    return (1 - p_y**loss.q) / loss.q


def ldam(loss: LDAM, z: Tensor, y: Tensor) -> Tensor:
    """The authors' LDAMLoss: margins on the cosines, then the scale."""
    margins = torch.tensor(COUNTS).double() ** -0.25
    margins = margins * (loss.max_margin / margins.max())
    cosines = z / loss.scale
    return cross_entropy(
        loss.scale * torch.where(target(y).bool(), cosines - margins[y][:, None], cosines), y
    )


ORACLES: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "l2": l2,
    "l1": l1,
    "huber": huber,
    "barron": barron,
    "quantile": quantile,
    "balanced_mse": balanced_mse,
    "cross_entropy": lambda loss, z, y: cross_entropy(z, y, label_smoothing=loss.label_smoothing),
    "focal": focal,
    "generalized_cross_entropy": generalized_cross_entropy,
    "balanced_softmax": lambda _, z, y: cross_entropy(z + torch.tensor(COUNTS).double().log(), y),
    "logit_adjustment": lambda loss, z, y: cross_entropy(
        z + loss.tau * torch.tensor(COUNTS / COUNTS.sum()).log(), y
    ),
    "ldam": ldam,
}


def test_every_loss_has_an_oracle() -> None:
    missing = set(names(AnyLoss)) - set(ORACLES)
    assert not missing, f"without an oracle, to be added to ORACLES: {sorted(missing)}"


@every_loss
def test_values_and_gradients_are_those_of_torch(loss: Loss) -> None:
    logits, labels = some_logits(), some_labels()
    z = torch.tensor(logits, requires_grad=True)
    expected = ORACLES[loss.name](loss, z, torch.tensor(labels))
    expected.sum().backward()
    losses, gradient = loss.with_class_counts(COUNTS)(logits, labels)
    np.testing.assert_allclose(losses, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-10, atol=1e-10)
