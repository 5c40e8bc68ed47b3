from typing import Any, get_args

import numpy as np
import pytest

from tests.workers.nn.gradient_check import check_gradient
from workers.nn.output_layers import Output, is_distribution, log_softmax, predict, sigmoid, softmax

LOGITS = np.random.default_rng(0).normal(0, 3, (6, 5))


@pytest.mark.parametrize("output", get_args(Output))
def test_the_backward_of_an_output_layer_is_its_gradient(output: Output) -> None:
    dy = np.random.default_rng(1).normal(size=LOGITS.shape)
    _, backward = predict(LOGITS, output)
    check_gradient(lambda z: (predict(z, output)[0] * dy).sum(), LOGITS, backward(dy))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_output_overflows_and_softmax_sums_to_one(dtype: Any) -> None:
    extreme = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype)
    assert softmax(extreme).dtype == log_softmax(extreme).dtype == sigmoid(extreme).dtype == dtype
    np.testing.assert_allclose(softmax(extreme), [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
    np.testing.assert_allclose(log_softmax(extreme)[0], [0, -2e4, -1e4])
    np.testing.assert_array_equal(sigmoid(extreme), [[1, 0, 0.5], [0, 0, 0]])


def test_the_functions_are_those_of_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    np.testing.assert_allclose(softmax(LOGITS), special.softmax(LOGITS, axis=1), rtol=1e-14)
    np.testing.assert_allclose(log_softmax(LOGITS), special.log_softmax(LOGITS, axis=1), rtol=1e-13)


def test_the_sigmoid_can_be_written_over_its_argument() -> None:
    z = LOGITS.copy()
    assert sigmoid(z, out=z) is z
    np.testing.assert_array_equal(z, sigmoid(LOGITS))


@pytest.mark.parametrize("output", get_args(Output))
def test_only_softmax_and_cosine_outputs_give_probabilities(output: Output) -> None:
    predictions, _ = predict(LOGITS, output)
    sums_to_one = np.allclose(predictions.sum(axis=1), 1)
    assert is_distribution(output) == sums_to_one == (output in ("softmax", "cosine"))
