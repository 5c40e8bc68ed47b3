import numpy as np
import pytest

from tests.workers.nn.gradient_check import check_gradient
from workers.nn.arrays import Array

X = np.array([[0.3, -1.2, 2.0], [1e-3, 0.7, -0.4]])


def f(x: Array) -> float:
    return float(np.sum(np.sin(x) * np.exp(x)))


GRADIENT = (np.sin(X) + np.cos(X)) * np.exp(X)


def test_a_right_gradient_passes() -> None:
    check_gradient(f, X, GRADIENT)


@pytest.mark.parametrize("index", list(np.ndindex(X.shape)))
@pytest.mark.parametrize("factor", [0.9995, 1.0005])
def test_one_element_off_by_a_twentieth_of_a_percent_fails(index: tuple[int, ...], factor: float) -> None:
    wrong = GRADIENT.copy()
    wrong[index] *= factor
    with pytest.raises(AssertionError, match="Mismatched elements: 1 / 6"):
        check_gradient(f, X, wrong)


def test_a_sign_or_a_missing_element_fails() -> None:
    with pytest.raises(AssertionError):
        check_gradient(f, X, -GRADIENT)
    with pytest.raises(AssertionError, match="shape"):
        check_gradient(f, X, GRADIENT[:1])


def test_single_precision_is_refused() -> None:
    with pytest.raises(AssertionError, match="float64"):
        check_gradient(f, X.astype(np.float32), GRADIENT)


def test_not_a_number_fails() -> None:
    with pytest.raises(AssertionError):
        check_gradient(f, X, np.full_like(X, np.nan))


def test_a_function_that_overwrites_its_argument_is_checked_all_the_same() -> None:
    def careless(x: Array) -> float:
        x *= x
        return float(x.sum())

    check_gradient(careless, X, 2 * X)
