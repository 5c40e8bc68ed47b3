import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.comparisons import holm, mcnemar

Booleans = NDArray[np.bool_]


def answers(only_a: int, only_b: int, both: int = 30, neither: int = 7) -> tuple[Booleans, Booleans]:
    """Whether a and b were right, on so many rows of each kind."""
    kinds = [only_a, only_b, both, neither]
    return np.repeat([True, False, True, False], kinds), np.repeat([False, True, True, False], kinds)


@pytest.mark.parametrize(
    ("only_a", "only_b"),
    [(0, 0), (1, 0), (0, 5), (3, 3), (20, 4), (12, 12), (12, 13), (0, 25), (40, 25), (30, 30), (500, 400)],
)
def test_mcnemar_is_that_of_statsmodels_exact_below_25_discordant_rows(only_a: int, only_b: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="statsmodels is the oracle")
    exact = only_a + only_b < 25
    oracle = tables.mcnemar([[30, only_a], [only_b, 7]], exact=exact, correction=True)
    test = mcnemar(*answers(only_a, only_b))
    assert (test.only_a, test.only_b, test.exact) == (only_a, only_b, exact)
    assert test.p_value == pytest.approx(oracle.pvalue, rel=1e-12)


def test_without_a_discordant_row_mcnemar_has_a_p_value_of_1() -> None:
    assert mcnemar(*answers(0, 0)).p_value == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "p_values",
    [[], [0.04], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9], [0.02, 0.02, 0.02], [0.0, 1.0]],
)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is the oracle")
    expected = multitest.multipletests(p_values, method="holm")[1].tolist() if p_values else []
    assert holm(p_values) == pytest.approx(expected)


def test_a_comparison_without_a_p_value_stays_so_and_is_not_counted() -> None:
    assert holm([0.02, None, 0.04]) == [0.04, None, 0.04]
