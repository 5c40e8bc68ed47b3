"""What holds for every metric of the registry, whatever its formula."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.workers.evaluation.metrics.oracles import NUMBER_ORACLES, ORACLES
from workers.evaluation.evaluation import Evaluation, evaluate
from workers.evaluation.metrics import BY_NAME, FROM_SCORES, METRICS, SUMMARISED, Metric
from workers.evaluation.selection import BestEpoch, better
from workers.nn.arrays import Array, Integers
from workers.nn.losses import CrossEntropy

ROWS, CLASSES = 400, 6
AnyMetric = Metric[Any, Any]

OF_CLASSES = [metric for metric in METRICS if "classification" in metric.tasks]
every_metric = pytest.mark.parametrize("metric", OF_CLASSES, ids=[metric.name for metric in OF_CLASSES])
ignore_absent_classes = pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
ignore_single_label = pytest.mark.filterwarnings("ignore:A single label was found")
ignore_one_label_in_common = pytest.mark.filterwarnings("ignore:.*have only one label in common")


@pytest.fixture
def labels() -> Integers:
    return np.random.default_rng(1).integers(0, CLASSES, ROWS)


@pytest.fixture
def logits() -> Array:
    return np.random.default_rng(2).normal(size=(ROWS, CLASSES))


def evaluated(logits: Array, labels: Integers, **keywords: Any) -> Evaluation:
    losses, _ = CrossEntropy()(logits.copy(), labels)
    return evaluate(logits, labels, losses=losses, **({"distribution": True} | keywords))


def value(metric: AnyMetric, logits: Array, labels: Integers) -> float:
    found = evaluated(logits, labels).metrics[metric.name]
    assert found is not None
    return found


def certain(labels: Integers) -> NDArray[np.float64]:
    """Logits that are all but certain of the labels."""
    return 100 * np.eye(CLASSES)[labels]


def test_an_evaluation_has_the_metrics_of_the_registry_in_the_order_of_their_columns(
    logits: Array, labels: Integers
) -> None:
    assert list(evaluated(logits, labels).metrics) == [metric.name for metric in METRICS] == list(BY_NAME)


def test_every_metric_has_an_oracle() -> None:
    missing = BY_NAME.keys() - ORACLES.keys() - NUMBER_ORACLES.keys()
    assert not missing, f"without an oracle, to be added to ORACLES: {sorted(missing)}"


@every_metric
@ignore_absent_classes
@ignore_single_label
@ignore_one_label_in_common
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 60), classes=st.integers(2, 6))
def test_it_is_what_its_oracle_computes(metric: AnyMetric, seed: int, rows: int, classes: int) -> None:
    """Of few rows, so that classes are often absent or never predicted."""
    generator = np.random.default_rng(seed)
    labels, logits = generator.integers(0, classes, rows), 3 * generator.normal(size=(rows, classes))
    found, expected = evaluated(logits, labels).metrics[metric.name], ORACLES[metric.name](labels, logits)
    assert (
        (found is None)
        == (expected is None)
        == metric.null_for(np.bincount(labels, minlength=classes).tolist())
    )
    if found is not None:
        assert found == pytest.approx(expected, abs=1e-12)


@every_metric
def test_its_declaration_is_complete(metric: AnyMetric) -> None:
    assert metric.formula.__doc__
    assert metric.lowest < metric.highest
    assert not (metric.always_stored and metric.null_if), "a value that may be null is not always stored"
    for sentence in filter(None, (metric.null_if, metric.selects_nothing, metric.without_interval)):
        assert not sentence.endswith("."), "it continues a sentence"


@every_metric
def test_it_stays_within_its_range(metric: AnyMetric, labels: Integers) -> None:
    for scale in (1e-3, 1, 1e3):
        logits = scale * np.random.default_rng(3).normal(size=(ROWS, CLASSES))
        assert metric.lowest <= value(metric, logits, labels) <= metric.highest


@every_metric
def test_a_perfect_model_has_the_best_value_and_beats_any_other(
    metric: AnyMetric, logits: Array, labels: Integers
) -> None:
    best = {"max": metric.highest, "min": metric.lowest}[metric.direction]
    perfect = value(metric, certain(labels), labels)
    assert perfect == pytest.approx(best, abs=1e-12)
    assert better(metric.name, perfect, value(metric, logits, labels))


@every_metric
def test_the_order_of_the_rows_does_not_matter(metric: AnyMetric, logits: Array, labels: Integers) -> None:
    order = np.random.default_rng(4).permutation(ROWS)
    shuffled = value(metric, logits[order], labels[order])
    assert shuffled == pytest.approx(value(metric, logits, labels))


@every_metric
def test_the_names_of_the_classes_do_not_matter(metric: AnyMetric, logits: Array, labels: Integers) -> None:
    new_name = np.random.default_rng(5).permutation(CLASSES)
    renamed = value(metric, logits[:, np.argsort(new_name)], new_name[labels])
    assert renamed == pytest.approx(value(metric, logits, labels))


@every_metric
def test_every_row_twice_is_the_same_evidence(metric: AnyMetric, logits: Array, labels: Integers) -> None:
    twice = value(metric, np.repeat(logits, 2, axis=0), np.repeat(labels, 2))
    assert twice == pytest.approx(value(metric, logits, labels))


@every_metric
def test_a_class_that_is_nowhere_changes_nothing(metric: AnyMetric, logits: Array, labels: Integers) -> None:
    never = np.full((ROWS, 1), -1e4)
    widened = value(metric, np.hstack([logits, never]), labels)
    assert widened == pytest.approx(value(metric, logits, labels))


@every_metric
def test_it_is_null_without_a_distribution_only_if_it_is_about_one(
    metric: AnyMetric, logits: Array, labels: Integers
) -> None:
    without = evaluated(logits, labels, distribution=False).metrics[metric.name]
    assert (without is None) == (metric in FROM_SCORES)
    if without is None:
        assert metric.null_if


@every_metric
def test_single_precision_agrees_with_double(metric: AnyMetric, logits: Array, labels: Integers) -> None:
    single = value(metric, logits.astype(np.float32), labels)
    assert single == pytest.approx(value(metric, logits, labels), rel=1e-5)


@pytest.mark.parametrize("metric", SUMMARISED, ids=[metric.name for metric in SUMMARISED])
@given(values=st.lists(st.integers(-5, 5).map(lambda tenths: tenths / 10), min_size=1, max_size=30))
def test_the_best_epoch_is_the_first_with_the_best_value(metric: AnyMetric, values: list[float]) -> None:
    best = BestEpoch(metric.name)
    improved = [best.update(epoch, each) for epoch, each in enumerate(values, start=1)]
    first_best = {"max": np.argmax, "min": np.argmin}[metric.direction](values)
    assert best.epoch == first_best + 1
    assert best.value == values[first_best]
    assert max(np.flatnonzero(improved)) == first_best
    assert improved[0]


def test_the_range_is_infinite_without_a_bound() -> None:
    assert (BY_NAME["mcc"].range, BY_NAME["brier"].range, BY_NAME["nll"].range) == (2.0, 2.0, math.inf)
