import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.evaluation.metrics.test_every_metric import evaluated
from workers.evaluation.class_scores import ClassScores
from workers.evaluation.per_row import score
from workers.nn.arrays import Array, Integers

pytestmark = pytest.mark.usefixtures("every_kernel_set")


def two_classes(margins: list[float], labels: list[int]) -> ClassScores:
    """Single-precision logits of a softmax: the second class leads by these margins."""
    logits = np.stack([np.zeros(len(margins)), margins], axis=1).astype(np.float32)
    return of_softmax(logits, np.array(labels))


def of_softmax(logits: Array, labels: Integers) -> ClassScores:
    return ClassScores.of(logits, labels, score(logits, labels).odds)


def test_rows_are_ranked_although_their_probabilities_round_to_one() -> None:
    scores = two_classes([18, 20, 22, 30], [0, 1, 0, 1])
    assert scores.areas.auroc.tolist() == [0.75, 0.75]
    assert scores.areas.average_precision[1] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("margin", [0.0, 5.0, -1e4])
def test_a_constant_score_is_chance(margin: float) -> None:
    areas = two_classes([margin] * 8, [0, 0, 0, 0, 0, 0, 1, 1]).areas
    assert areas.auroc.tolist() == [0.5, 0.5]
    assert areas.average_precision.tolist() == [0.75, 0.25]


@pytest.mark.parametrize("label", [0, 1])
def test_one_row_has_nothing_to_be_ranked_against(label: int) -> None:
    metrics = evaluated(np.array([[1.0, 2.0]]), np.array([label])).metrics
    assert (metrics["auroc"], metrics["average_precision"], metrics["top_3_accuracy"]) == (None, None, None)
    assert metrics["cohen_kappa"] == 0


def test_an_absent_class_has_no_part_in_the_mean() -> None:
    labels = np.repeat([0, 2], 20)
    logits = np.random.default_rng(0).normal(size=(40, 4)) + 2 * np.eye(4)[labels]
    of_classes = of_softmax(logits, labels).areas.auroc
    assert np.isnan(of_classes).tolist() == [False, True, False, True]
    assert evaluated(logits, labels).auroc == pytest.approx((of_classes[0] + of_classes[2]) / 2)


@pytest.mark.parametrize("distribution", [True, False])
def test_without_a_distribution_the_outputs_themselves_rank(distribution: bool) -> None:
    """Both rows favour their class, but the first output is higher where both are."""
    outputs = np.array([[0.0, -1.0], [2.0, 3.0]])
    labels = np.array([0, 1])
    areas = (of_softmax(outputs, labels) if distribution else ClassScores.of(outputs, labels)).areas
    assert areas.auroc.tolist() == ([1, 1] if distribution else [0, 1])


def places(scores: NDArray[np.float64], label: int) -> int:
    return int(of_softmax(scores[None], np.array([label])).places[0])


def test_of_equal_scores_the_first_class_has_the_better_place() -> None:
    scores = np.array([1.0, 3.0, 3.0, 2.0, 3.0])
    assert [places(scores, label) for label in range(5)] == [4, 0, 1, 3, 2]
