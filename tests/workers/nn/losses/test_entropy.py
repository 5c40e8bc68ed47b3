import math
from typing import Any

import numpy as np
import pytest

from tests.workers.nn.losses.cases import CLASSES, COUNTS, assert_same
from workers.nn.class_weights import WeightCountError
from workers.nn.losses import L1, CrossEntropy, Focal, GeneralizedCrossEntropy

pytestmark = pytest.mark.usefixtures("every_kernel_set")


def test_cross_entropy_of_a_certain_error_is_the_gap_and_not_infinity() -> None:
    for dtype in (np.float32, np.float64):
        losses, gradient = CrossEntropy()(np.array([[1000, 0]], dtype), np.array([1]))
        assert losses == [1000]
        np.testing.assert_array_equal(gradient, [[1, -1]])


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_cross_entropy_of_logits_near_zero_is_the_logarithm_of_the_number_of_classes(classes: int) -> None:
    logits = np.random.default_rng(0).normal(0, 1e-4, (64, classes))
    np.testing.assert_allclose(
        CrossEntropy()(logits, np.arange(64) % classes)[0], math.log(classes), rtol=1e-3
    )


def test_smoothed_labels_penalise_certainty() -> None:
    loss, labels = CrossEntropy(label_smoothing=0.2), np.array([0])
    target = np.array([[0.85, 0.05, 0.05, 0.05]])
    np.testing.assert_allclose(loss(np.log(target), labels)[1], 0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_focal_is_exact_for_an_almost_certain_example(dtype: Any) -> None:
    # q = 1 - p_y = 3 exp(-15): 1 - p_y in float32 would have one correct digit. The loss is q^3, the gradient -3 q^3
    losses, gradient = Focal(gamma=2.0)(np.array([[15, 0, 0, 0]], dtype), np.array([0]))
    q = 3 * math.exp(-15)
    np.testing.assert_allclose(losses, q**3, rtol=1e-5)
    np.testing.assert_allclose(gradient, [[-3 * q**3, q**3, q**3, q**3]], rtol=1e-5)


def test_focal_requires_one_alpha_per_class() -> None:
    with pytest.raises(WeightCountError, match="2 weights were given for 4 classes"):
        Focal(alpha=(1.0, 2.0)).with_class_counts(COUNTS)


def test_focal_with_gamma_0_is_cross_entropy() -> None:
    assert_same(Focal(gamma=0.0), CrossEntropy())


def test_alpha_scales_the_focal_loss_of_its_class() -> None:
    assert_same(Focal(alpha=(3.0,) * CLASSES), Focal(), factor=3)


def test_generalized_cross_entropy_runs_from_cross_entropy_to_half_of_l1() -> None:
    assert_same(GeneralizedCrossEntropy(q=1e-12), CrossEntropy(), rtol=1e-10)
    assert_same(GeneralizedCrossEntropy(q=1.0), L1(), factor=0.5)
