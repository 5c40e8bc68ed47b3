"""Tails of Student's t and of F against SciPy's."""

import pytest
from scipy.special import fdtrc, stdtr

from workers.evaluation.incomplete_beta import f_tail, t_tail

VALUES = (0.0, 1e-6, 0.3, 1.0, 2.5, 20.0, 4000.0)


@pytest.mark.parametrize("degrees", [0.5, 1, 3, 40, 2000])
def test_the_tail_of_t_is_scipys(degrees: float) -> None:
    found = [t_tail(each, degrees) for each in VALUES]
    assert found == pytest.approx([stdtr(degrees, -each) for each in VALUES], rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("degrees", [1, 2, 7, 60])
@pytest.mark.parametrize("free", [1, 5, 30, 3000])
def test_the_tail_of_f_is_scipys(degrees: int, free: int) -> None:
    found = [f_tail(degrees, free, each) for each in VALUES]
    assert found == pytest.approx([fdtrc(degrees, free, each) for each in VALUES], rel=1e-9, abs=1e-300)
