import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients, normal
from workers.nn.layers.cosine_classifier import CosineDense


def cosine(epsilon: float = 1e-8) -> CosineDense:
    layer = CosineDense(5, 3, scale=30.0, initializer=normal, epsilon=epsilon)
    bound(layer)
    return layer


def test_similarities_and_gradients_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    layer = cosine(epsilon=1e-20)
    generator = np.random.default_rng(0)
    x, dy = generator.normal(size=(7, 5)), generator.normal(size=(7, 3))
    y, dx, found = gradients(layer, x, dy)
    inputs = [torch.tensor(a, requires_grad=True) for a in (x, layer.values["weight"])]
    y_torch = 30 * torch.cosine_similarity(inputs[0][:, :, None], inputs[1][None], dim=1)
    expected = torch.autograd.grad(y_torch, inputs, torch.from_numpy(dy))
    np.testing.assert_allclose(y, y_torch.detach(), rtol=1e-10)
    np.testing.assert_allclose(dx, expected[0], rtol=1e-9)
    np.testing.assert_allclose(found["weight"], expected[1], rtol=1e-9)


def test_only_directions_count() -> None:
    layer = cosine()
    x = np.random.default_rng(0).normal(size=(7, 5))
    y = layer.forward(x, training=True)[0].copy()
    layer.values["weight"][...] *= [0.5, 3, 200]
    np.testing.assert_allclose(layer.forward(1000 * x, training=True)[0], y, rtol=1e-7)
    assert np.abs(y).max() <= 30


def test_a_row_of_zeros_and_a_column_of_zeros_give_zeros() -> None:
    layer = cosine()
    layer.values["weight"][:, 1] = 0
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[2] = 0
    y, dx, found = gradients(layer, x, np.ones((4, 3)))
    assert not y[2].any()
    assert not y[:, 1].any()
    assert np.isfinite(dx).all()
    assert np.isfinite(found["weight"]).all()
