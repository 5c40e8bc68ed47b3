import pickle

import numpy as np
import pytest

from tests.workers.evaluation.metrics.test_every_metric import ROWS, evaluated
from workers.evaluation.evaluation import NonFiniteError, evaluate
from workers.nn.arrays import Array, Integers

CLASSES = 5


@pytest.fixture
def labels() -> Integers:
    return np.random.default_rng(1).integers(0, CLASSES, ROWS)


@pytest.fixture
def logits() -> Array:
    return np.random.default_rng(2).normal(size=(ROWS, CLASSES))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("distribution", [True, False])
def test_one_logit_that_is_not_finite_is_an_error(
    logits: Array, labels: Integers, bad: float, distribution: bool
) -> None:
    logits[17, 2] = bad
    with pytest.raises(NonFiniteError, match="logits"):
        evaluate(logits, labels, losses=np.zeros(ROWS), distribution=distribution)


def test_a_loss_that_is_not_finite_is_an_error(logits: Array, labels: Integers) -> None:
    with pytest.raises(NonFiniteError, match="losses"):
        evaluate(logits, labels, losses=np.full(ROWS, np.inf), distribution=True)


def test_finite_logits_too_far_apart_for_their_type_are_an_error_and_no_infinite_metric() -> None:
    logits = np.array([[3e38, -3e38]], np.float32)
    with pytest.raises(NonFiniteError, match="nll"):
        evaluate(logits, np.array([1]), losses=np.zeros(1), distribution=True)


def test_no_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        evaluate(np.empty((0, 3)), np.empty(0, np.int64), losses=np.empty(0), distribution=True)


def test_at_a_tie_the_first_class_is_predicted() -> None:
    evaluation = evaluated(np.zeros((3, 2)), np.array([0, 0, 1]))
    assert evaluation.confusion.tolist() == [[2, 0], [1, 0]]


def test_the_weighted_loss_is_pytorchs(logits: Array, labels: Integers) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    weights = np.array([0.1, 1, 2, 5, 0.5])
    of_numpy = torch.from_numpy
    evaluation = evaluated(logits, labels, class_weights=weights)
    cross_entropy = torch.nn.functional.cross_entropy
    weighted = cross_entropy(of_numpy(logits), of_numpy(labels), weight=of_numpy(weights))
    assert evaluation.weighted_loss == pytest.approx(float(weighted))
    assert evaluation.loss == pytest.approx(float(cross_entropy(of_numpy(logits), of_numpy(labels))))


def test_without_weights_both_losses_are_the_same(logits: Array, labels: Integers) -> None:
    evaluation = evaluated(logits, labels)
    assert evaluation.weighted_loss == evaluation.loss


def test_the_sums_are_taken_in_double_precision() -> None:
    """Added up one by one, a million float32 tenths are 100958."""
    rows = 1_000_000
    losses = np.full(rows, 0.1, np.float32)
    logits = np.zeros((rows, 2), np.float32)
    evaluation = evaluate(logits, np.zeros(rows, np.int64), losses=losses, distribution=True)
    assert evaluation.loss == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert evaluation.brier == pytest.approx(0.5, rel=1e-6)


def test_an_evaluation_knows_its_rows_and_its_classes(logits: Array, labels: Integers) -> None:
    evaluation = evaluated(logits, labels)
    assert evaluation.rows == sum(evaluation.per_class()["support"]) == ROWS
    assert evaluation.accuracy == np.diagonal(evaluation.confusion).sum() / ROWS


def test_a_metric_is_an_attribute_and_no_other_name_is(logits: Array, labels: Integers) -> None:
    evaluation = evaluated(logits, labels)
    again = pickle.loads(pickle.dumps(evaluation))
    assert again.macro_f1 == evaluation.macro_f1 == evaluation.metrics["macro_f1"]
    with pytest.raises(AttributeError, match="accurracy"):
        _ = evaluation.accurracy


def test_what_is_evaluated_is_left_as_it_was(logits: Array, labels: Integers) -> None:
    before = logits.copy()
    evaluate(logits, labels, losses=np.zeros(ROWS), distribution=True)
    np.testing.assert_array_equal(logits, before)
