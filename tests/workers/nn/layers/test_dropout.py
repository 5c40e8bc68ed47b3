import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients
from workers.nn.layers.dropout import Dropout

ONES = np.ones((200, 50))


def dropout(rate: float) -> Dropout:
    layer = Dropout(rate, np.random.default_rng(0))
    bound(layer)
    return layer


def test_the_backward_pass_uses_the_mask_of_the_forward_pass() -> None:
    y, dx, _ = gradients(dropout(0.3), ONES, ONES)
    np.testing.assert_array_equal(y, dx)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_rate_is_the_share_dropped_and_the_expectation_stays(rate: float, dtype: type) -> None:
    y, _ = dropout(rate).forward(ONES.astype(dtype), training=True)
    deviation = np.sqrt(rate * (1 - rate) / y.size)
    assert np.mean(y == 0) == pytest.approx(rate, abs=4 * deviation)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    assert y.mean() == pytest.approx(1, abs=4 * deviation / (1 - rate))


def test_every_forward_pass_draws_a_new_mask() -> None:
    layer = dropout(0.5)
    first = layer.forward(ONES, training=True)[0].copy()
    assert np.any(layer.forward(ONES, training=True)[0] != first)


def test_evaluation_is_the_identity_and_draws_nothing() -> None:
    layer = dropout(0.5)
    state = layer.generator.bit_generator.state
    np.testing.assert_array_equal(layer.forward(ONES, training=False)[0], ONES)
    assert layer.generator.bit_generator.state == state


def test_a_resume_needs_only_the_state_of_the_generator() -> None:
    layer, resumed = dropout(0.5), dropout(0.5)
    layer.forward(ONES, training=True)
    resumed.generator.bit_generator.state = layer.generator.bit_generator.state
    expected = layer.forward(ONES, training=True)[0].copy()
    np.testing.assert_array_equal(resumed.forward(ONES, training=True)[0], expected)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_outside_zero_to_one_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="dropout rate"):
        Dropout(rate, np.random.default_rng(0))


def test_a_rate_of_zero_drops_nothing() -> None:
    np.testing.assert_array_equal(dropout(0.0).forward(ONES, training=True)[0], ONES)
