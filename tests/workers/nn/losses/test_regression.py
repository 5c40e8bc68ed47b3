from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tests.workers.nn.losses.cases import CLASSES, assert_same, one_hot, some_labels, some_logits
from workers.nn.arrays import Array, Integers
from workers.nn.losses import L1, L2, AnyLoss, Barron, Huber, Loss
from workers.nn.output_layers import softmax


def test_ten_times_the_residual_is_ten_times_the_gradient_of_l2_and_the_same_of_l1() -> None:
    residual, labels = some_logits(), some_labels()
    for loss, factor in ((L2(), 10), (L1(output="linear"), 1)):
        _, once = loss(one_hot(labels) + residual, labels)
        _, tenfold = loss(one_hot(labels) + 10 * residual, labels)
        np.testing.assert_allclose(tenfold, factor * once)


def test_l1_has_no_gradient_where_there_is_no_residual() -> None:
    labels = some_labels()
    np.testing.assert_array_equal(L1(output="linear")(one_hot(labels), labels)[1], 0)


def best_constants(loss: Loss, labels: Integers) -> Array:
    """All values on a grid that minimise the mean loss of class 0 as a constant linear output."""
    grid = np.linspace(-0.5, 1.5, 201)
    means = np.empty_like(grid)
    for i, value in enumerate(grid):
        logits = np.zeros((len(labels), CLASSES))
        logits[:, 0] = value
        means[i] = loss(logits, labels)[0].mean()
    best: Array = grid[means <= means.min() + 1e-12]
    return best


def test_l2_is_least_at_the_mean_of_the_targets_and_l1_at_their_median() -> None:
    mostly, rarely, evenly = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 3]), np.array([0, 0, 1, 2])
    np.testing.assert_allclose(best_constants(L2(), mostly), [0.6])
    np.testing.assert_allclose(best_constants(L2(), rarely), [0.2])
    linear_l1 = L1(output="linear")
    np.testing.assert_allclose(best_constants(linear_l1, mostly), [1])
    np.testing.assert_allclose(best_constants(linear_l1, rarely), [0], atol=1e-12)
    interval = best_constants(linear_l1, evenly)
    np.testing.assert_allclose([interval.min(), interval.max(), len(interval)], [0, 1, 101], atol=1e-12)


def test_l1_on_a_softmax_is_twice_the_probability_missed() -> None:
    logits, labels = some_logits(), some_labels()
    p_y = softmax(logits)[np.arange(12), labels]
    np.testing.assert_allclose(L1()(logits, labels)[0], 2 * (1 - p_y))


def test_barron_meets_its_named_members() -> None:
    logits, labels = some_logits(), some_labels()
    r = logits - one_hot(labels)
    named: dict[Any, Array] = {
        2.0: r**2 / 2,
        1.0: np.hypot(1, r) - 1,
        0.0: np.log1p(r**2 / 2),
        -2.0: 2 * r**2 / (r**2 + 4),
        "-inf": 1 - np.exp(-(r**2) / 2),
    }
    for alpha, expected in named.items():
        np.testing.assert_allclose(Barron(alpha=alpha)(logits, labels)[0], expected.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    "alpha", [2 - 2**-52, 2 - 1e-9, 1e-9, 1e-300, -1e-12, -1e4, -1e12, -1e15, -1e17, -1e300]
)
@pytest.mark.parametrize("residual", [1e-6, 0.1, 1.0, 30.0, 1e4])
def test_barron_is_exact_near_its_limits(alpha: float, residual: float) -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle near the limits of barron")
    with mpmath.workdps(700):
        a, s = mpmath.mpf(alpha), mpmath.mpf(residual) ** 2
        b = abs(a - 2)
        expected = b / a * ((s / b + 1) ** (a / 2) - 1)
        slope = mpmath.mpf(residual) * (s / b + 1) ** (a / 2 - 1)
    # the label's own logit is 1: its residual is 0, and that of class 0 is its logit
    logits, labels = np.array([[residual, 1, 0, 0]]), np.array([1])
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-5)):
        losses, gradient = Barron(alpha=alpha)(logits.astype(dtype), labels)
        np.testing.assert_allclose(losses[0], float(expected), rtol=rtol, atol=1e-37)
        np.testing.assert_allclose(gradient[0, 0], float(slope), rtol=rtol, atol=1e-37)


def test_minus_infinity_is_spelled_as_a_string_and_larger_alphas_are_refused() -> None:
    adapter: TypeAdapter[Loss] = TypeAdapter(AnyLoss)
    assert adapter.validate_json('{"name": "barron", "alpha": "-inf"}') == Barron(alpha="-inf")
    for wrong in ("2.5", '"inf"', "NaN", "-Infinity"):
        with pytest.raises(ValidationError, match="alpha"):
            adapter.validate_json(f'{{"name": "barron", "alpha": {wrong}}}')


def test_huber_with_a_wide_delta_is_l2() -> None:
    assert_same(Huber(delta=100.0), L2())
