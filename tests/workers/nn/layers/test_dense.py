"""A dense layer that reads mostly zeros computes what any dense layer does."""

import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients, normal
from workers.nn.activations import Relu
from workers.nn.arrays import Array
from workers.nn.layers.dense import Dense


@pytest.mark.usefixtures("every_kernel_set")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zeros_change_nothing_but_the_time(dtype: type, *, bias: bool) -> None:
    draw = np.random.default_rng(0)
    x: Array = (draw.normal(size=(50, 40)) * (draw.random((50, 40)) < 0.1)).astype(dtype)
    dy: Array = draw.normal(size=(50, 6)).astype(dtype)
    found = []
    for reads_zeros in (False, True):
        layer = Dense(40, 6, initializer=normal, activation=Relu(), bias=bias)
        layer.needs_input_gradient, layer.reads_zeros = False, reads_zeros
        bound(layer, dtype)
        gradients(layer, x, dy)
        y, _, found_gradients = gradients(layer, x, dy)  # which overwrites the buffers of the first pass
        evaluated, _ = layer.forward(x, training=False)
        assert np.array_equal(evaluated, y)
        found.append({"y": y, **found_gradients})
    for name, expected in found[0].items():
        np.testing.assert_allclose(found[1][name], expected, rtol=1e-4, atol=1e-5, err_msg=name)
