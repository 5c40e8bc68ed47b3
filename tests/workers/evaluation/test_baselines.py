import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.baselines import (
    PENALTIES,
    choose_penalty,
    fit_softmax_regression,
    linear_baseline,
    majority_baseline,
    stratified_rows,
)
from workers.evaluation.intervals import wilson

Blobs = tuple[NDArray[np.float64], NDArray[np.int64]]


@pytest.fixture
def blobs() -> Blobs:
    """Three overlapping clouds in ten dimensions, unequal in number."""
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.repeat([0, 1, 2], [150, 100, 50]))
    centres = generator.normal(size=(3, 10))
    return centres[labels] + generator.normal(size=(300, 10)), labels


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


def test_the_fit_is_that_of_scikit_learns_logistic_regression(blobs: Blobs) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    features, labels = blobs
    oracle = linear_model.LogisticRegression(C=1 / (1e-3 * len(labels)), tol=1e-8, max_iter=5000)
    oracle.fit(features, labels)
    weight, bias = fit_softmax_regression(
        features, labels, classes=3, l2=1e-3, iterations=5000, tolerance=1e-8
    )
    np.testing.assert_allclose(weight, oracle.coef_.T, atol=1e-4)
    # Only differences of biases matter; a common shift of all changes no probability.
    np.testing.assert_allclose(bias - bias.mean(), oracle.intercept_ - oracle.intercept_.mean(), atol=1e-4)


def test_the_bounded_fit_in_single_precision_scores_as_the_exact_one(blobs: Blobs) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    features, labels = blobs[0].astype(np.float32), blobs[1]
    training, part = slice(0, 200), slice(200, None)
    l2 = choose_penalty(features[training], labels[training], classes=3)
    oracle = linear_model.LogisticRegression(C=1 / (l2 * 200), tol=1e-8, max_iter=5000)
    predicted = oracle.fit(features[training], labels[training]).predict(features[part])
    baseline = linear_baseline(features[training], labels[training], features[part], labels[part], classes=3)
    assert baseline.name == "linear"
    assert baseline.predicted_class is None
    assert baseline.accuracy == metrics.accuracy_score(labels[part], predicted)
    assert baseline.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(labels[part], predicted)
    )
    assert baseline.interval == wilson(round(baseline.accuracy * 100), 100)


@pytest.mark.parametrize(
    ("distance", "penalty"), [(0.4, PENALTIES[0]), (0.75, PENALTIES[1]), (8.0, PENALTIES[2])]
)
def test_the_penalty_is_that_which_scikit_learn_would_choose(distance: float, penalty: float) -> None:
    """The more the classes overlap, the stronger."""
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], 60)
    features = generator.normal(size=(180, 20)) + distance * generator.normal(size=(3, 20))[labels]
    held_back = np.arange(180) % 5 == 2
    losses = []
    for l2 in PENALTIES:
        oracle = linear_model.LogisticRegression(C=1 / (l2 * np.sum(~held_back)), tol=1e-8, max_iter=5000)
        oracle.fit(features[~held_back], labels[~held_back])
        losses.append(metrics.log_loss(labels[held_back], oracle.predict_proba(features[held_back])))
    assert choose_penalty(features, labels, classes=3) == PENALTIES[np.argmin(losses)]
    assert PENALTIES[np.argmin(losses)] == penalty, losses


def test_two_rows_leave_no_choice_of_penalty() -> None:
    assert choose_penalty(np.eye(2), np.arange(2), classes=2) == PENALTIES[0]


def test_the_same_rows_give_the_same_baseline(blobs: Blobs) -> None:
    features, labels = blobs
    assert linear_baseline(features, labels, features, labels, classes=3) == linear_baseline(
        features, labels, features, labels, classes=3
    )


def test_a_class_without_training_rows_is_no_error_and_never_predicted(blobs: Blobs) -> None:
    features, labels = blobs
    baseline = linear_baseline(features, labels, features, np.full(300, 3), classes=4)
    assert baseline.accuracy == 0


def test_a_limit_keeps_the_shares_of_the_classes() -> None:
    labels = np.random.default_rng(2).permutation(np.repeat([0, 1, 2], [8000, 1500, 500]))
    rows = stratified_rows(labels, 1000)
    assert len(np.unique(rows)) == len(rows)
    assert np.all(np.diff(rows) > 0)
    np.testing.assert_allclose(np.bincount(labels[rows]), [800, 150, 50], atol=2)


def test_a_limit_leaves_no_class_out() -> None:
    labels = np.repeat([0, 1, 2], [5000, 1, 4999])
    assert set(labels[stratified_rows(labels, 10)]) == {0, 1, 2}


def test_fewer_rows_than_the_limit_are_all_taken() -> None:
    np.testing.assert_array_equal(stratified_rows(np.array([1, 0, 1]), 3), [0, 1, 2])
