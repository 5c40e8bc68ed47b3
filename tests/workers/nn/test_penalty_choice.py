import numpy as np
import pytest

from workers.nn.penalty_choice import PENALTIES, PenaltyChoice, representative_rows, stratified_rows


@pytest.mark.parametrize(
    ("distance", "penalty"), [(0.4, PENALTIES[0]), (0.75, PENALTIES[1]), (8.0, PENALTIES[2])]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_penalty_is_that_which_scikit_learn_would_choose(
    distance: float, penalty: float, weighted: bool
) -> None:
    """The more the classes overlap, the stronger."""
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], 60)
    features = generator.normal(size=(180, 20)) + distance * generator.normal(size=(3, 20))[labels]
    weights = np.where(labels == 0, 3.0, 1.0) if weighted else np.ones(180)
    held_back = np.arange(180) % 5 == 2
    rest, losses = ~held_back, []
    for l2 in PENALTIES:
        oracle = linear_model.LogisticRegression(C=1 / (l2 * weights[rest].sum()), tol=1e-8, max_iter=5000)
        oracle.fit(features[rest], labels[rest], weights[rest])
        probabilities = oracle.predict_proba(features[held_back])
        losses.append(metrics.log_loss(labels[held_back], probabilities, sample_weight=weights[held_back]))
    assert (
        PenaltyChoice(features, labels, classes=3, weights=weights).choose() == PENALTIES[np.argmin(losses)]
    )
    assert weighted or PENALTIES[np.argmin(losses)] == penalty, losses


def test_two_rows_leave_no_choice_of_penalty() -> None:
    assert PenaltyChoice(np.eye(2), np.arange(2), classes=2).choose() == PENALTIES[0]


def test_rows_without_weight_leave_no_choice_of_penalty() -> None:
    """No row of the only class that counts is held back."""
    weights = np.array([1.0, 1.0, 0.0, 0.0])
    choice = PenaltyChoice(np.eye(4), np.array([0, 0, 1, 1]), classes=2, weights=weights)
    assert choice.choose() == PENALTIES[0]


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


def test_a_row_with_very_many_features_still_counts() -> None:
    assert len(representative_rows(np.arange(2), 10**7)) == 2
