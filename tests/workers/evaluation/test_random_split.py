import pytest

from workers.evaluation.intervals import Interval, wilson
from workers.evaluation.random_split import RandomSplit


def test_the_interval_of_a_drop_of_shares_is_newcombe_s() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is the oracle")
    here, there = wilson(45, 80), wilson(70, 90)
    assert here is not None
    assert there is not None
    found = RandomSplit("balanced_accuracy", 45 / 80, here, 70 / 90, there)
    low, high = proportion.confint_proportions_2indep(70, 90, 45, 80, method="newcomb")
    assert found.drop == pytest.approx(70 / 90 - 45 / 80)
    assert (found.drop_interval.low, found.drop_interval.high) == pytest.approx((low, high))


def test_errors_that_grow_are_a_drop_too() -> None:
    found = RandomSplit("rmse", 5.0, Interval(4.0, 7.0, 0.95), 3.0, Interval(2.0, 3.5, 0.95))
    assert found.drop == 2
    assert found.drop_interval.low == pytest.approx(2 - (1 + 0.25) ** 0.5)
    assert found.drop_interval.high == pytest.approx(2 + (4 + 1) ** 0.5)
