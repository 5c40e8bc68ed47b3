from itertools import pairwise

import numpy as np
import pytest

from workers.evaluation.probabilities import brier, ece, nll, score
from workers.nn.arrays import Array, Integers
from workers.nn.output_layers import log_softmax


@pytest.fixture
def labels(generator: np.random.Generator) -> Integers:
    return generator.integers(0, 4, 500)


@pytest.fixture
def log_p(generator: np.random.Generator) -> Array:
    return log_softmax(3 * generator.normal(size=(500, 4)))


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def test_nll_is_scikit_learns_log_loss(log_p: Array, labels: Integers) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    assert nll(log_p, labels) == pytest.approx(metrics.log_loss(labels, np.exp(log_p), labels=range(4)))


def test_nll_of_an_impossible_answer_is_its_distance_in_logits_and_not_infinite() -> None:
    assert nll(log_softmax(np.array([[1000.0, 0.0]])), np.array([1])) == 1000


def test_brier_is_scikit_learns(log_p: Array, labels: Integers) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    oracle = metrics.brier_score_loss(labels, np.exp(log_p), labels=range(4), scale_by_half=False)
    assert brier(score(log_p, labels).squared_distance) == pytest.approx(oracle)


def test_scores_are_taken_of_logits_in_any_order_and_leave_them_as_they_are(
    log_p: Array, labels: Integers
) -> None:
    before, scores = log_p.copy(), score(log_p, labels)
    of_columns = score(np.asfortranarray(log_p), labels.astype(np.int32))
    np.testing.assert_array_equal(log_p, before)
    for name, expected in vars(scores).items():
        np.testing.assert_array_equal(getattr(of_columns, name), expected)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_ece_is_that_of_a_loop_over_bins(log_p: Array, labels: Integers, bins: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    confidence, predicted = torch.from_numpy(np.exp(log_p)).max(dim=1)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    expected = 0.0
    for low, high in pairwise(edges):
        inside = confidence.gt(low) & confidence.le(high)
        if inside.any():
            right = predicted[inside].eq(torch.from_numpy(labels)[inside]).double().mean()
            expected += float((right - confidence[inside].mean()).abs() * inside.double().mean())
    scores = score(log_p, labels)
    assert ece(scores.confidence, scores.predictions == labels, bins) == pytest.approx(expected)


def test_three_right_of_four_at_confidence_085_is_off_by_a_tenth() -> None:
    assert ece(np.full(4, 0.85), np.array([True, True, True, False])) == pytest.approx(0.1)


def test_a_bin_contains_its_upper_edge_and_not_its_lower() -> None:
    in_one_bin = abs(1 - (10 / 15 + 0.65)) / 2
    assert ece(np.array([10 / 15, 0.65]), np.array([True, False])) == pytest.approx(in_one_bin)


def test_a_confidence_that_rounding_took_past_1_stays_in_the_last_bin() -> None:
    past_1 = np.nextafter(np.float32(1), np.float32(2))
    confidence, wrong_and_right = np.array([past_1, 0.95], np.float32), np.array([False, True])
    assert ece(confidence, wrong_and_right) == pytest.approx((1 - 0.05) / 2, abs=1e-6)
