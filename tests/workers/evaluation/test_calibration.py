from itertools import pairwise

import numpy as np
import pytest

from workers.evaluation.calibration import calibration_error, reliability
from workers.evaluation.per_row import score
from workers.nn.output_layers import log_softmax


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_calibration_error_is_that_of_a_loop_over_bins(bins: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    generator = np.random.default_rng(7)
    labels, log_p = generator.integers(0, 4, 500), log_softmax(3 * generator.normal(size=(500, 4)))
    confidence, predicted = torch.from_numpy(np.exp(log_p)).max(dim=1)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    expected = 0.0
    for low, high in pairwise(edges):
        inside = confidence.gt(low) & confidence.le(high)
        if inside.any():
            right = predicted[inside].eq(torch.from_numpy(labels)[inside]).double().mean()
            expected += float((right - confidence[inside].mean()).abs() * inside.double().mean())
    scores = score(log_p, labels)
    assert calibration_error(scores.confidence, scores.is_right, bins) == pytest.approx(expected)


def test_the_bins_are_those_of_scikit_learn() -> None:
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is the oracle")
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.34, 1, 300).round(2) + 1e-4  # on no edge: there the oracle's bins differ
    is_right = generator.random(300) < confidence
    found = reliability(confidence, is_right)
    accuracy, mean = calibration.calibration_curve(is_right, np.minimum(confidence, 1), n_bins=15)
    filled = found.rows > 0
    assert found.accuracy[filled] == pytest.approx(accuracy)
    assert found.confidence[filled] == pytest.approx(mean, abs=1e-4)
    assert np.isnan(found.accuracy[~filled]).all()
    assert np.isnan(found.confidence[~filled]).all()
    assert found.rows.sum() == 300


def test_a_confidence_of_0_is_in_the_first_bin() -> None:
    assert reliability(np.zeros(2), np.array([True, False])).rows[0] == 2


def test_three_right_of_four_at_confidence_085_is_off_by_a_tenth() -> None:
    assert calibration_error(np.full(4, 0.85), np.array([True, True, True, False])) == pytest.approx(0.1)


def test_a_bin_contains_its_upper_edge_and_not_its_lower() -> None:
    in_one_bin = abs(1 - (10 / 15 + 0.65)) / 2
    assert calibration_error(np.array([10 / 15, 0.65]), np.array([True, False])) == pytest.approx(in_one_bin)


def test_a_confidence_that_rounding_took_past_1_stays_in_the_last_bin() -> None:
    past_1 = np.nextafter(np.float32(1), np.float32(2))
    confidence, wrong_and_right = np.array([past_1, 0.95], np.float32), np.array([False, True])
    assert calibration_error(confidence, wrong_and_right) == pytest.approx((1 - 0.05) / 2, abs=1e-6)
