import json
from dataclasses import asdict

import numpy as np
import pytest

from workers.evaluation.baselines import Baseline, balanced_accuracy_interval, majority_baseline
from workers.evaluation.bootstrap import two_way_bootstrap
from workers.evaluation.intervals import Interval, wilson
from workers.evaluation.metrics import FROM_CONFUSION


def test_the_majority_of_training_is_what_is_predicted_everywhere() -> None:
    dummy = pytest.importorskip("sklearn.dummy", reason="scikit-learn is the oracle")
    training, part = np.repeat([0, 1, 2], [10, 60, 30]), np.repeat([0, 1, 2], [5, 9, 6])
    oracle = dummy.DummyClassifier(strategy="most_frequent").fit(training[:, None], training)
    baseline = majority_baseline(np.bincount(training), np.bincount(part))
    assert baseline.name == "majority"
    assert baseline.predicted_class == oracle.predict([[0]])[0]
    assert baseline.accuracy == oracle.score(part[:, None], part)
    assert baseline.balanced_accuracy == pytest.approx(1 / 3)
    assert baseline.interval == wilson(9, 20)


def test_a_training_majority_that_the_part_lacks_is_never_right() -> None:
    baseline = majority_baseline(np.array([9, 1]), np.array([0, 4]))
    assert (baseline.accuracy, baseline.balanced_accuracy) == (0, 0)


def test_ninety_to_ten_is_won_by_ninety_percent_without_knowing_anything() -> None:
    baseline = majority_baseline(np.array([90, 10]), np.array([90, 10]))
    assert (baseline.accuracy, baseline.balanced_accuracy) == (0.9, 0.5)


def test_the_majority_has_every_metric_of_the_confusion_matrix_and_the_recall_of_each_class() -> None:
    baseline = majority_baseline(np.array([90, 10, 0]), np.array([9, 1, 0]))
    assert baseline.metrics == {metric.name: baseline.metrics[metric.name] for metric in FROM_CONFUSION}
    assert (baseline.metrics["balanced_accuracy"], baseline.metrics["mcc"]) == (0.5, 0)
    assert baseline.recalls == [1.0, 0.0, None]


def test_the_interval_of_the_balanced_accuracy_is_that_of_the_rows() -> None:
    """The order of the rows does not matter, so the confusion matrix tells all."""
    confusion = np.array([[30, 10], [5, 55]])
    labels, predictions = np.repeat([0, 0, 1, 1], [30, 10, 5, 55]), np.repeat([0, 1, 0, 1], [30, 10, 5, 55])
    of_rows = two_way_bootstrap(predictions[None], labels, np.random.default_rng(0), classes=2)
    assert balanced_accuracy_interval(confusion) == of_rows["balanced_accuracy"].interval


def test_a_baseline_that_was_stored_before_the_new_fields_is_read() -> None:
    interval = {"low": 0.95, "high": 0.99, "level": 0.95}
    old = {"name": "linear", "accuracy": 0.98, "balanced_accuracy": 0.97, "interval": interval}
    baseline = Baseline.from_json(old | {"predicted_class": None})
    assert baseline == Baseline("linear", 0.98, 0.97, Interval(**interval))


def test_a_baseline_survives_json() -> None:
    baseline = majority_baseline(np.array([90, 10, 0]), np.array([9, 1, 0]))
    assert Baseline.from_json(json.loads(json.dumps(asdict(baseline)))) == baseline
