from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.workers.evaluation.test_confusion import Classification, classifications
from workers.evaluation.confusion import confusion_matrix
from workers.evaluation.metrics.per_class import CLASS_METRICS, metrics_per_class
from workers.nn.arrays import Integers

Oracle = Callable[[Integers, Integers, range], Any]
sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")


def specificity(labels: Integers, predictions: Integers, classes: range) -> list[float]:
    """The recall of the rows that are not of the class."""
    recall = sklearn_metrics.recall_score
    return [recall(labels != k, predictions != k, zero_division=np.nan) for k in classes]


def of_each_class(score: Any) -> Oracle:
    return lambda y, predictions, classes: score(
        y, predictions, labels=classes, average=None, zero_division=np.nan
    )


ORACLES: dict[str, Oracle] = {
    "accuracy": of_each_class(sklearn_metrics.recall_score),
    "precision": of_each_class(sklearn_metrics.precision_score),
    "f1": of_each_class(sklearn_metrics.f1_score),
    "specificity": specificity,
}
"""Of each class, from labels and predictions (N,) and the classes."""


def test_every_metric_of_a_class_has_an_oracle() -> None:
    assert ORACLES.keys() == {metric.name for metric in CLASS_METRICS}
    assert all(metric.formula.__doc__ for metric in CLASS_METRICS)


@given(classifications())
def test_they_are_scikit_learns_with_null_if_nothing_was_measured(given_: Classification) -> None:
    labels, predictions, classes = given_
    found = metrics_per_class(confusion_matrix(labels, predictions, classes))
    assert found["support"] == np.bincount(labels, minlength=classes).tolist()
    others = np.flatnonzero([np.any(labels != k) for k in range(classes)])
    measured = {"accuracy": labels, "precision": predictions, "f1": labels, "specificity": others}
    for name, oracle in ORACLES.items():
        expected = oracle(labels, predictions, range(classes))
        for k, value in enumerate(found[name]):
            assert (value is None) == (k not in measured[name]), name
            if value is not None:
                assert value == pytest.approx(expected[k]), name


def test_many_matrices_at_once_have_the_values_of_each() -> None:
    matrices = np.random.default_rng(0).integers(0, 3, (5, 4, 4))
    together = metrics_per_class(matrices)
    for index, matrix in enumerate(matrices):
        alone = metrics_per_class(matrix)
        assert {name: lists[index] for name, lists in together.items()} == alone


def test_a_constant_classifier_recalls_one_class_and_no_other() -> None:
    confusion = confusion_matrix(np.repeat([0, 1], [90, 10]), np.zeros(100, np.int64), 2)
    assert metrics_per_class(confusion)["accuracy"] == [1, 0]


def test_an_absent_class_is_null_and_a_class_never_hit_is_zero() -> None:
    absent_hit_missed = metrics_per_class(np.array([[0, 0, 0], [1, 3, 0], [0, 2, 0]]))
    assert absent_hit_missed["accuracy"] == [None, 0.75, 0]
    assert absent_hit_missed["precision"] == [0, 0.6, None]
    assert (absent_hit_missed["f1"][0], absent_hit_missed["f1"][2]) == (None, 0)
