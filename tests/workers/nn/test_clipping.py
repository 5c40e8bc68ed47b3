from typing import Any

import numpy as np
import pytest

from workers.nn.clipping import clip_by_global_norm, global_norm

GRADIENT = np.random.default_rng(0).normal(size=1000)


def test_clipping_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle of clipping")
    # long, so that the 1e-6 that torch adds to the norm is lost in rounding
    gradient = 1e7 * GRADIENT
    tensors = [torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in (600, 400)]
    for tensor, part in zip(tensors, np.split(gradient, [600]), strict=True):
        tensor.grad = torch.tensor(part)
    norm = torch.nn.utils.clip_grad_norm_(tensors, 5.0)
    assert clip_by_global_norm(gradient, 5.0) == pytest.approx(float(norm), rel=1e-12)
    np.testing.assert_allclose(gradient, np.concatenate([t.grad.numpy() for t in tensors]), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_long_gradient_is_scaled_to_the_limit_and_keeps_its_direction(dtype: Any) -> None:
    gradient = GRADIENT.astype(dtype)
    norm = clip_by_global_norm(gradient, 2.0)
    assert gradient.dtype == dtype
    assert np.linalg.norm(gradient) == pytest.approx(2.0, rel=1e-6)
    np.testing.assert_allclose(gradient * (norm / 2.0), GRADIENT, rtol=1e-5)


def test_a_short_gradient_keeps_its_bits() -> None:
    gradient = GRADIENT.copy()
    assert clip_by_global_norm(gradient, 1e3) == pytest.approx(np.linalg.norm(GRADIENT))
    np.testing.assert_array_equal(gradient, GRADIENT)
    assert clip_by_global_norm(np.zeros(3), 1.0) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_divergence_is_reported_and_not_scaled_away(value: float) -> None:
    gradient = np.array([1.0, value, 3.0])
    assert not np.isfinite(clip_by_global_norm(gradient, 1.0))
    np.testing.assert_array_equal(gradient, [1.0, value, 3.0])


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1.8e19, 1e25, 3e37])
def test_norms_whose_squares_leave_single_precision_are_exact_and_clipped(size: float) -> None:
    gradient = (size * GRADIENT / np.abs(GRADIENT).max()).astype(np.float32)
    exact = float(np.linalg.norm(gradient.astype(np.float64)))
    assert global_norm(gradient) == pytest.approx(exact, rel=1e-5)
    direction = gradient.astype(np.float64) / exact
    assert clip_by_global_norm(gradient, size / 100) == pytest.approx(exact, rel=1e-5)
    np.testing.assert_allclose(gradient, direction * size / 100, rtol=1e-5)


def test_the_longest_gradient_of_single_precision_is_clipped() -> None:
    gradient = np.full(10_000, 3e38, np.float32)
    assert clip_by_global_norm(gradient, 1.0) == pytest.approx(3e40, rel=1e-5)
    np.testing.assert_allclose(gradient, np.full(10_000, 0.01), rtol=1e-5)
