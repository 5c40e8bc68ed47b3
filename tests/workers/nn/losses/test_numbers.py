"""The losses of numbers: one linear output and float targets, against torch and scikit-learn in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from tests.pytorch import functional, torch
from workers.nn.arrays import Array
from workers.nn.losses import L1, L2, BalancedMSE, Barron, Huber, Loss, Quantile

Tensor = Any


def numbers(rows: int = 20) -> tuple[Array, Any]:
    stream = np.random.default_rng(3)
    return stream.normal(0, 2, (rows, 1)), stream.normal(0, 2, rows)


def bmc(sigma: float) -> Callable[[Tensor, Tensor], Tensor]:
    """bmc_loss of Ren et al. 2022, without its factor 2 s^2."""
    return lambda z, y: functional.cross_entropy(
        -((z - y.T) ** 2) / (2 * sigma**2), torch.arange(len(z)), reduction="none"
    )


def each(formula: str, factor: float = 1, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda z, y: factor * getattr(functional, formula)(z, y, reduction="none", **fields)[:, 0]


ORACLES: list[tuple[Loss, Callable[[Tensor, Tensor], Tensor]]] = [
    (L2(), each("mse_loss", 0.5)),
    (L1(output="linear"), each("l1_loss")),
    (Huber(delta=0.7), each("huber_loss", delta=0.7)),
    (Barron(alpha=1.0, c=0.5), lambda z, y: ((((z - y) / 0.5) ** 2 + 1).sqrt() - 1)[:, 0]),
    (Quantile(quantile=0.9), lambda z, y: torch.maximum(0.9 * (y - z), -0.1 * (y - z))[:, 0]),
    (BalancedMSE(sigma=0.8), bmc(0.8)),
]


@pytest.mark.parametrize(("loss", "oracle"), ORACLES, ids=lambda each: getattr(each, "name", ""))
def test_values_and_gradients_of_numbers_are_those_of_torch(
    loss: Loss, oracle: Callable[[Tensor, Tensor], Tensor]
) -> None:
    logits, targets = numbers()
    z = torch.tensor(logits, requires_grad=True)
    expected = oracle(z, torch.tensor(targets)[:, None])
    expected.sum().backward()
    losses, gradient = loss.with_class_counts(np.array([20]))(logits, targets)
    np.testing.assert_allclose(losses, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_the_quantile_loss_is_the_pinball_loss_of_scikit_learn() -> None:
    logits, targets = numbers()
    for q in (0.1, 0.5, 0.95):
        mean = Quantile(quantile=q)(logits, targets)[0].mean()
        assert mean == pytest.approx(mean_pinball_loss(targets, logits[:, 0], alpha=q), rel=1e-12)


def test_balanced_mse_is_half_the_squared_error_at_evaluation() -> None:
    logits, targets = numbers()
    np.testing.assert_array_equal(BalancedMSE()(logits, targets)[0], L2()(logits, targets)[0])


def best_constant(loss: Loss, targets: Any) -> float:
    grid = np.linspace(-1, 101, 10_201)
    means = [loss(np.full((len(targets), 1), value), targets)[0].mean() for value in grid]
    return float(grid[int(np.argmin(means))])


def test_with_an_outlier_l1_finds_the_median_and_l2_the_mean_and_a_quantile_its_quantile() -> None:
    targets: Any = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    assert best_constant(L1(output="linear"), targets) == pytest.approx(3, abs=0.011)
    assert best_constant(L2(), targets) == pytest.approx(22, abs=0.011)
    assert best_constant(Quantile(quantile=0.7), targets) == pytest.approx(4, abs=0.011)


def test_numbers_keep_the_precision_of_the_logits() -> None:
    logits, targets = numbers()
    for loss, _ in ORACLES:
        for part in loss.with_class_counts(np.array([20]))(logits.astype(np.float32), targets):
            assert part.dtype == np.float32
