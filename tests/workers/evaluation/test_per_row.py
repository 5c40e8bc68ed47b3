import numpy as np
import pytest

from workers.evaluation.per_row import score
from workers.nn.arrays import Array, Integers
from workers.nn.output_layers import log_softmax


@pytest.fixture
def labels() -> Integers:
    return np.random.default_rng(7).integers(0, 4, 500)


@pytest.fixture
def log_p() -> Array:
    return log_softmax(3 * np.random.default_rng(8).normal(size=(500, 4)))


def test_the_loss_of_an_impossible_label_is_its_distance_in_logits_and_not_infinite() -> None:
    assert score(np.array([[1000.0, 0.0]]), np.array([1])).negative_log_p == 1000


def test_scores_are_taken_of_logits_in_any_order_and_leave_them_as_they_are(
    log_p: Array, labels: Integers
) -> None:
    before, scores = log_p.copy(), score(log_p, labels)
    of_columns = score(np.asfortranarray(log_p), labels.astype(np.int32))
    np.testing.assert_array_equal(log_p, before)
    for name, expected in vars(scores).items():
        np.testing.assert_array_equal(getattr(of_columns, name), expected)
