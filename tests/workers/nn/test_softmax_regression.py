from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.nn.softmax_regression import solve

Data = tuple[NDArray[np.float64], NDArray[np.int64]]
L2 = 1e-3


@pytest.fixture(params=["load_iris", "load_wine", "load_digits"])
def data(request: pytest.FixtureRequest) -> Data:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is the oracle")
    features, labels = getattr(datasets, request.param)(return_X_y=True)
    deviation = features.std(axis=0)
    return (features - features.mean(axis=0)) / np.where(deviation > 0, deviation, 1), labels.astype(np.int64)


def oracle(features: NDArray[Any], labels: NDArray[np.int64], weights: NDArray[Any] | None = None) -> Any:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    total = len(labels) if weights is None else weights.sum()
    model = linear_model.LogisticRegression(
        C=1 / (L2 * total), solver="newton-cg", tol=1e-12, max_iter=10_000
    )
    return model.fit(features, labels, weights)


def test_the_solution_is_scikit_learn_s_to_one_in_a_million(data: Data) -> None:
    features, labels = data
    expected = oracle(features, labels)
    found = solve(features, labels, classes=int(labels.max()) + 1, l2=L2)
    assert found.converged
    np.testing.assert_allclose(found.weight, expected.coef_.T, atol=1e-6)
    np.testing.assert_allclose(found.bias, expected.intercept_ - expected.intercept_.mean(), atol=1e-6)


def test_weights_are_those_of_scikit_learn_s_examples(data: Data) -> None:
    features, labels = data
    weights = np.where(labels == 0, 5.0, 1.0)
    expected = oracle(features, labels, weights)
    found = solve(features, labels, classes=int(labels.max()) + 1, l2=L2, weights=weights)
    np.testing.assert_allclose(found.weight, expected.coef_.T, atol=1e-6)


def test_a_row_of_weight_two_is_two_rows(data: Data) -> None:
    features, labels = data
    classes, doubled = int(labels.max()) + 1, np.flatnonzero(labels == 1)
    twice = np.concatenate([np.arange(len(labels)), doubled])
    weighted = solve(features, labels, classes=classes, l2=L2, weights=1.0 + (labels == 1))
    repeated = solve(features[twice], labels[twice], classes=classes, l2=L2)
    np.testing.assert_allclose(weighted.weight, repeated.weight, atol=1e-6)


def test_two_classes_have_opposite_weights() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 300)
    features = generator.standard_normal((300, 4)) + labels[:, None]
    found = solve(features, labels, classes=2, l2=L2)
    np.testing.assert_allclose(found.weight[:, 0], -found.weight[:, 1], atol=1e-7)
    assert found.bias.sum() == pytest.approx(0, abs=1e-12)


def test_single_precision_is_near_the_same_solution(data: Data) -> None:
    features, labels = data
    classes = int(labels.max()) + 1
    exact = solve(features, labels, classes=classes, l2=L2)
    single = solve(features.astype(np.float32), labels, classes=classes, l2=L2, tolerance=1e-5)
    assert single.converged
    np.testing.assert_allclose(single.logits(features), exact.logits(features), atol=0.5)
    same = single.logits(features).argmax(axis=1) == exact.logits(features).argmax(axis=1)
    assert same.mean() > 0.999


def test_too_few_iterations_are_said() -> None:
    generator = np.random.default_rng(0)
    features, labels = generator.standard_normal((100, 5)).astype(np.float32), generator.integers(0, 3, 100)
    assert not solve(features, labels, classes=3, l2=1e-4, iterations=1).converged
