from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.nn import softmax_regression, standardised_rows
from workers.nn.softmax_regression import SoftmaxSolver, solve
from workers.nn.standardised_rows import StandardisedRows

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


def test_features_of_any_scale_and_offset() -> None:
    """As with scaling none: a column of 1e6 with an offset, one of 1e-5, and a constant one."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300)
    features = generator.standard_normal((300, 3)) + labels[:, None]
    awkward = np.c_[features * [1.0, 1e6, 1e-5] + [0, 3e6, 1], np.full(300, 7.0)]
    found = solve(awkward, labels, classes=3, l2=1e-2)
    assert found.converged
    assert (found.weight[-1] == 0).all()
    assert gradient(awkward, labels, found.weight, found.bias, 1e-2) < 1e-8


def gradient(
    features: NDArray[Any], labels: NDArray[np.int64], weight: NDArray[Any], bias: NDArray[Any], l2: float
) -> float:
    """The largest slope by finite differences of the objective, for each column in units of its deviation."""

    def objective(weight: NDArray[Any], bias: NDArray[Any]) -> float:
        z = features @ weight + bias
        z = z - z.max(axis=1, keepdims=True)
        own = z[np.arange(len(labels)), labels] - np.log(np.exp(z).sum(axis=1))
        return float(l2 / 2 * (weight**2).sum() - own.mean())

    slopes = []
    for column in (0, 1, 2):
        step = np.zeros_like(weight)
        step[column, 0] = 1e-4 / features[:, column].std()
        mean = (
            features[:, column].mean() * step[column]
        )  # the bias follows, so that only the slope is measured
        rise = objective(weight + step, bias - mean) - objective(weight - step, bias + mean)
        slopes.append(abs(rise) / 2e-4)
    return max(slopes)


def test_features_too_many_for_all_pairs_are_solved_too(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = data
    classes = int(labels.max()) + 1
    decorrelated = solve(features, labels, classes=classes, l2=L2)
    monkeypatch.setattr(standardised_rows, "LARGEST_GRAM", 0)
    found = solve(features, labels, classes=classes, l2=L2)
    assert found.converged
    np.testing.assert_allclose(found.weight, decorrelated.weight, atol=1e-6)


def test_rows_read_in_chunks_give_the_same_solution(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = data
    classes = int(labels.max()) + 1
    at_once = solve(features, labels, classes=classes, l2=L2)
    monkeypatch.setattr(standardised_rows, "CHUNK_ELEMENTS", 17 * features.shape[1])
    in_chunks = solve(features, labels, classes=classes, l2=L2)
    np.testing.assert_allclose(in_chunks.weight, at_once.weight, atol=1e-7)


def test_a_separable_problem_has_a_solution_because_of_its_penalty() -> None:
    features, labels = np.array([[-1.0], [-2.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
    found = solve(features, labels, classes=2, l2=1e-4)
    assert found.converged
    assert (found.logits(features).argmax(axis=1) == labels).all()


def test_too_few_rounds_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    features, labels = generator.standard_normal((100, 5)), generator.integers(0, 3, 100)
    monkeypatch.setattr(softmax_regression, "NEWTON_ROUNDS", 1)
    monkeypatch.setattr(softmax_regression, "ITERATIONS_PER_ROUND", 1)
    monkeypatch.setattr(softmax_regression, "DESCENT_ROUNDS", 1)
    assert not solve(features, labels, classes=3, l2=1e-4).converged


class Interruption(Exception):
    """Ends a solver between two passes over the rows."""


def test_a_solver_that_is_interrupted_anywhere_ends_with_the_same_bits(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softmax_regression, "ITERATIONS_PER_ROUND", 10)
    features, labels = data
    rows = StandardisedRows(
        lambda rows: features[rows], labels, features=features.shape[1], classes=int(labels.max()) + 1
    )
    calls = count(1)

    def interrupt_every_70_passes() -> None:
        if next(calls) % 70 == 0:
            raise Interruption

    whole = SoftmaxSolver(rows, L2).solve()
    solver, interruptions = SoftmaxSolver(rows, L2, between=interrupt_every_70_passes), 0
    while True:
        try:
            pieced = solver.solve()
            break
        except Interruption:
            interruptions += 1
            state = solver.flat.copy(), solver.rounds, solver.descended
            solver = SoftmaxSolver(rows, L2, between=interrupt_every_70_passes)
            solver.flat, solver.rounds, solver.descended = state
    assert interruptions > 0
    np.testing.assert_array_equal(pieced.weight, whole.weight)
    np.testing.assert_array_equal(pieced.bias, whole.bias)
