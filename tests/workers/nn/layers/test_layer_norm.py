import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients
from workers.nn.layers.layer_norm import LayerNorm


@pytest.mark.parametrize("shape", [(7, 5), (4, 3, 2, 5)], ids=["rows", "images"])
def test_layer_norm_is_that_of_torch(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    generator = np.random.default_rng(0)
    layer = LayerNorm(5, epsilon=1e-3)
    bound(layer)
    x, dy = generator.normal(3, 2, shape), generator.normal(size=shape)
    y, dx, found = gradients(layer, x, dy)
    inputs = [torch.tensor(a, requires_grad=True) for a in (x, layer.values["gamma"], layer.values["beta"])]
    y_torch = torch.nn.functional.layer_norm(inputs[0], (5,), inputs[1], inputs[2], eps=1e-3)
    expected = torch.autograd.grad(y_torch, inputs, torch.from_numpy(dy))
    np.testing.assert_allclose(y, y_torch.detach(), rtol=1e-10, atol=1e-12)
    for one, other in zip((dx, found["gamma"], found["beta"]), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_training_and_evaluation_compute_the_same() -> None:
    layer = LayerNorm(5)
    bound(layer)
    x = np.random.default_rng(0).normal(size=(6, 5))
    trained = layer.forward(x, training=True)[0].copy()
    np.testing.assert_array_equal(layer.forward(x, training=False)[0], trained)


def test_weight_decay_reaches_neither_gamma_nor_beta() -> None:
    assert bound(LayerNorm(3)).decayed == 0
