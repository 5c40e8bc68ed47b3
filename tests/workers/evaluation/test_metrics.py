from dataclasses import fields
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.metrics import Evaluation, NonFiniteError, evaluate
from workers.evaluation.selection import DIRECTIONS, SelectionMetric, better
from workers.nn.arrays import Array, Integers
from workers.nn.losses import CrossEntropy

ROWS, CLASSES = 400, 5
METRICS: tuple[SelectionMetric, ...] = get_args(SelectionMetric)
OF_A_DISTRIBUTION = {"nll", "brier", "ece"}
LOWEST = {"mcc": -1.0}
HIGHEST = {"loss": np.inf, "nll": np.inf, "brier": 2.0}

every_metric = pytest.mark.parametrize("metric", METRICS)


@pytest.fixture
def labels() -> Integers:
    return np.random.default_rng(1).integers(0, CLASSES, ROWS)


@pytest.fixture
def logits() -> Array:
    return np.random.default_rng(2).normal(size=(ROWS, CLASSES))


def evaluated(logits: Array, labels: Integers, **keywords: Any) -> Evaluation:
    losses, _ = CrossEntropy()(logits.copy(), labels)
    return evaluate(logits, labels, losses=losses, **({"distribution": True} | keywords))


def certain(labels: Integers) -> NDArray[np.float64]:
    """Logits that are all but certain of the labels."""
    return 100 * np.eye(CLASSES)[labels]


@every_metric
def test_every_selectable_metric_is_a_field_of_an_evaluation(metric: SelectionMetric) -> None:
    assert metric in {field.name for field in fields(Evaluation)}
    assert metric in DIRECTIONS


@every_metric
def test_it_stays_within_its_bounds(metric: SelectionMetric, labels: Integers) -> None:
    for scale in (1e-3, 1, 1e3):
        logits = scale * np.random.default_rng(3).normal(size=(ROWS, CLASSES))
        value = getattr(evaluated(logits, labels), metric)
        assert LOWEST.get(metric, 0.0) <= value <= HIGHEST.get(metric, 1.0)


@every_metric
def test_a_perfect_model_has_the_best_value_and_beats_any_other(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    perfect = getattr(evaluated(certain(labels), labels), metric)
    assert perfect == pytest.approx({"max": 1.0, "min": 0.0}[DIRECTIONS[metric]], abs=1e-12)
    assert better(metric, perfect, getattr(evaluated(logits, labels), metric))


@every_metric
def test_the_order_of_the_rows_does_not_matter(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    order = np.random.default_rng(4).permutation(ROWS)
    shuffled = evaluated(logits[order], labels[order])
    assert getattr(shuffled, metric) == pytest.approx(getattr(evaluated(logits, labels), metric))


@every_metric
def test_the_names_of_the_classes_do_not_matter(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    new_name = np.random.default_rng(5).permutation(CLASSES)
    renamed = evaluated(logits[:, np.argsort(new_name)], new_name[labels])
    assert getattr(renamed, metric) == pytest.approx(getattr(evaluated(logits, labels), metric))


@every_metric
def test_every_row_twice_is_the_same_evidence(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    twice = evaluated(np.repeat(logits, 2, axis=0), np.repeat(labels, 2))
    assert getattr(twice, metric) == pytest.approx(getattr(evaluated(logits, labels), metric))


@every_metric
def test_a_class_that_is_nowhere_changes_nothing(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    never = np.full((ROWS, 1), -1e4)
    widened = evaluated(np.hstack([logits, never]), labels)
    assert getattr(widened, metric) == pytest.approx(getattr(evaluated(logits, labels), metric))


@every_metric
def test_it_is_null_without_a_distribution_only_if_it_is_about_one(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    value = getattr(evaluated(logits, labels, distribution=False), metric)
    assert (value is None) == (metric in OF_A_DISTRIBUTION)


@every_metric
def test_single_precision_agrees_with_double(
    metric: SelectionMetric, logits: Array, labels: Integers
) -> None:
    single = evaluated(logits.astype(np.float32), labels)
    assert getattr(single, metric) == pytest.approx(getattr(evaluated(logits, labels), metric), rel=1e-5)


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
    figures = evaluation.per_class()
    assert evaluation.rows == sum(figure.support for figure in figures) == ROWS
    assert evaluation.accuracy == pytest.approx(sum(figure.correct for figure in figures) / ROWS)


def test_what_is_evaluated_is_left_as_it_was(logits: Array, labels: Integers) -> None:
    before = logits.copy()
    evaluate(logits, labels, losses=np.zeros(ROWS), distribution=True)
    np.testing.assert_array_equal(logits, before)
