"""Quantiles of Student's t against SciPy's and closed forms."""

import math

import pytest
from scipy.special import stdtrit

from workers.evaluation.student import student_t_quantile

DEGREES = (0.3, 0.9, 1, 2, 3, 4.7, 9, 30, 250.5, 999, 1000, 40_000, 1e7)
PROBABILITIES = (1e-12, 1e-4, 0.025, 0.2, 0.3, 0.49, 0.6, 0.75, 0.9, 0.975, 1 - 0.05 / 90, 0.99999)


@pytest.mark.parametrize("degrees", DEGREES)
def test_it_is_scipys_quantile(degrees: float) -> None:
    found = [student_t_quantile(degrees, each) for each in PROBABILITIES]
    assert found == pytest.approx(stdtrit(degrees, PROBABILITIES), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("above", [1e-15, 1e-6, 0.1, 0.3, 0.5 - 1e-9])
def test_one_and_two_degrees_of_freedom_have_closed_forms(above: float) -> None:
    """SciPy 1.17.1 is wrong near the middle for 4 degrees (findings/scipy-student-t-four-degrees.sh)."""
    odds = 4 * above * (1 - above)
    assert student_t_quantile(1, above) == pytest.approx(-1 / math.tan(math.pi * above), rel=1e-7)
    assert student_t_quantile(2, above) == pytest.approx((2 * above - 1) * math.sqrt(2 / odds), rel=1e-7)
    assert student_t_quantile(4, 0.5 + 1e-6) == pytest.approx(1e-6 / 0.375, rel=1e-9)


def test_it_is_symmetric_and_zero_in_the_middle() -> None:
    assert student_t_quantile(5, 0.5) == 0
    assert student_t_quantile(5, 0.25) == -student_t_quantile(5, 0.75)


@pytest.mark.parametrize(
    ("degrees", "probability"), [(0, 0.9), (math.nan, 0.9), (3, 0), (3, 1), (3, math.nan)]
)
def test_what_has_no_quantile_is_refused(degrees: float, probability: float) -> None:
    with pytest.raises(ValueError, match="no quantile of Student's t"):
        student_t_quantile(degrees, probability)
