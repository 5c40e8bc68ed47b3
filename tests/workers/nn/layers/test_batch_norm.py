from typing import Any

import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients
from workers.nn.activations import Relu
from workers.nn.arrays import Array
from workers.nn.layers.batch_norm import BatchNorm


@pytest.mark.parametrize("shape", [(7, 3), (4, 5, 2, 3)], ids=["rows", "images"])
def test_batch_norm_is_that_of_torch_over_several_steps(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    generator = np.random.default_rng(0)
    layer = BatchNorm(3, momentum=0.8, epsilon=1e-3)
    parameters = bound(layer)
    kind = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
    oracle: Any = kind(3, eps=1e-3, momentum=0.2).double()
    with torch.no_grad():
        oracle.weight[:] = torch.from_numpy(layer.values["gamma"])
        oracle.bias[:] = torch.from_numpy(layer.values["beta"])

    def channels_first(x: Array) -> Any:
        return torch.from_numpy(np.moveaxis(x, -1, 1).copy())

    for _ in range(3):
        x, dy = generator.normal(3, 2, shape), generator.normal(size=shape)
        y, dx, found = gradients(layer, x, dy)
        x_torch = channels_first(x).requires_grad_()
        y_torch = oracle(x_torch)
        expected = torch.autograd.grad(y_torch, [x_torch, oracle.weight, oracle.bias], channels_first(dy))
        np.testing.assert_allclose(np.moveaxis(y, -1, 1), y_torch.detach(), rtol=1e-10)
        np.testing.assert_allclose(np.moveaxis(dx, -1, 1), expected[0], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(found["gamma"], expected[1], rtol=1e-10)
        np.testing.assert_allclose(found["beta"], expected[2], rtol=1e-10)
        np.testing.assert_allclose(layer.running_mean, oracle.running_mean, rtol=1e-12)
        np.testing.assert_allclose(layer.running_variance, oracle.running_var, rtol=1e-12)
        parameters.values += 0.1 * parameters.gradient
        with torch.no_grad():
            oracle.weight += 0.1 * expected[1]
            oracle.bias += 0.1 * expected[2]
    oracle.eval()
    y, _ = layer.forward(x, training=False)
    np.testing.assert_allclose(np.moveaxis(y, -1, 1), oracle(channels_first(x)).detach(), rtol=1e-10)


def test_a_batch_has_mean_beta_and_deviation_gamma_per_feature() -> None:
    layer = BatchNorm(3, epsilon=1e-12)
    bound(layer)
    x = np.random.default_rng(0).normal([5, -1, 0], [1, 20, 0.1], (50, 3))
    y, _ = layer.forward(x, training=True)
    np.testing.assert_allclose(y.mean(axis=0), layer.values["beta"], rtol=1e-9)
    np.testing.assert_allclose(y.std(axis=0), np.abs(layer.values["gamma"]), rtol=1e-9)


def test_the_activation_follows_the_shift() -> None:
    plain, activated = BatchNorm(3), BatchNorm(3, activation=Relu())
    bound(plain)
    bound(activated)
    x = np.random.default_rng(0).normal(size=(6, 3))
    for training in (True, False):
        y = plain.forward(x, training=training)[0]
        np.testing.assert_array_equal(activated.forward(x, training=training)[0], np.maximum(y, 0))


def test_evaluation_leaves_the_running_statistics_alone() -> None:
    layer = BatchNorm(3)
    bound(layer)
    layer.forward(np.full((4, 3), 9.0), training=False)
    np.testing.assert_array_equal(layer.statistics()["running_mean"], np.zeros(3))
    np.testing.assert_array_equal(layer.statistics()["running_variance"], np.ones(3))


def test_one_row_cannot_be_trained_on_and_one_image_can() -> None:
    layer = BatchNorm(3)
    bound(layer)
    with pytest.raises(ValueError, match="two rows"):
        layer.forward(np.ones((1, 3)), training=True)
    np.testing.assert_array_equal(layer.statistics()["running_variance"], np.ones(3))
    y, _ = layer.forward(np.random.default_rng(0).normal(size=(1, 2, 2, 3)), training=True)
    assert np.isfinite(y).all()


def test_a_constant_feature_stays_finite() -> None:
    layer = BatchNorm(3)
    bound(layer)
    y, dx, _ = gradients(layer, np.full((5, 3), 7.0), np.random.default_rng(0).normal(size=(5, 3)))
    np.testing.assert_allclose(y, np.broadcast_to(layer.values["beta"], (5, 3)))
    assert np.isfinite(dx).all()


def test_weight_decay_reaches_neither_gamma_nor_beta() -> None:
    assert bound(BatchNorm(3)).decayed == 0
