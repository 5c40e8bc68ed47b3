import math

import numpy as np
import pytest

from workers.evaluation.differences import Difference, between_folds, mean_and_sd


@pytest.mark.parametrize("folds", [2, 5, 10])
@pytest.mark.parametrize("pairs", [1, 10, 190])
def test_over_folds_it_is_the_corrected_t_by_hand(folds: int, pairs: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(folds)
    a, b = generator.normal(0.92, 0.01, folds), generator.normal(0.9, 0.01, folds)
    found = between_folds(a.tolist(), b.tolist(), evaluation_share=0.25)
    assert found is not None
    error = math.sqrt((1 / folds + 0.25) * np.var(a - b, ddof=1))
    oracle = stats.t(folds - 1, loc=np.mean(a - b), scale=error)
    interval = found.interval(comparisons=pairs)
    low, high = oracle.interval(1 - 0.05 / pairs)
    assert (interval.low, interval.high, interval.level) == pytest.approx((low, high, 1 - 0.05 / pairs))
    assert found.p_value == pytest.approx(2 * stats.t(folds - 1).sf(abs(np.mean(a - b)) / error), rel=1e-6)


def test_without_overlap_the_corrected_t_is_student_s_paired_one() -> None:
    stats = pytest.importorskip("scipy.stats")
    a, b = [0.9, 0.93, 0.88, 0.95], [0.91, 0.85, 0.84, 0.86]
    oracle = stats.ttest_rel(a, b)
    found = between_folds(a, b, evaluation_share=0)
    assert found is not None
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-6)
    interval = found.interval()
    assert (interval.low, interval.high) == pytest.approx(tuple(oracle.confidence_interval(0.95)))


@pytest.mark.parametrize("same", [([0.91, 0.81, 0.71], [0.9, 0.8, 0.7]), ([0.9, 0.9], [0.9, 0.9])])
def test_differences_that_are_equal_but_for_rounding_prove_nothing(
    same: tuple[list[float], list[float]],
) -> None:
    assert between_folds(*same, evaluation_share=0.25) is None


def test_one_difference_has_no_spread() -> None:
    mean, sd = mean_and_sd([0.9], [0.8])
    assert mean == pytest.approx(0.1)
    assert sd is None


def test_values_that_do_not_pair_are_an_error() -> None:
    with pytest.raises(ValueError, match="argument"):
        mean_and_sd([0.9, 0.8], [0.9])


@pytest.mark.parametrize("row_error", [0.0, 0.003, 0.02])
@pytest.mark.parametrize("repetition_error", [0.0, 0.001, 0.02])
@pytest.mark.parametrize("pairs", [1, 3, 190])
def test_an_interval_excludes_0_if_and_only_if_its_corrected_p_value_is_small(
    row_error: float, repetition_error: float, pairs: int
) -> None:
    if row_error == repetition_error == 0:
        return
    for value in np.linspace(-0.2, 0.2, 40):
        found = Difference(float(value), row_error, repetition_error, degrees_of_freedom=2)
        interval = found.interval(comparisons=pairs)
        assert (interval.low > 0 or interval.high < 0) == (pairs * found.p_value < 0.05)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("share", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("pairs", [1, 10])
def test_intervals_from_two_errors_cover_however_few_the_seeds(seeds: int, share: float, pairs: int) -> None:
    """share: variance over seeds / variance over rows, which is 1. The truth is 0."""
    generator = np.random.default_rng(0)
    values = generator.normal(0, math.sqrt(1 + share), 4000)
    estimated = share * generator.chisquare(seeds - 1, 4000) / (seeds - 1)
    missed = 0
    for value, variance in zip(values.tolist(), estimated.tolist(), strict=True):
        interval = Difference(value, 1.0, math.sqrt(variance), seeds - 1).interval(comparisons=pairs)
        missed += not interval.low < 0 < interval.high
    assert missed / 4000 <= 0.05 / pairs + 0.003
