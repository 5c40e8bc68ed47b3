"""Which of many candidates can be told from the best, in simulations with a known truth."""

import math

import numpy as np
import pytest

from workers.evaluation.differences import between_folds
from workers.evaluation.multiple_comparisons import (
    SharedDraws,
    against_best,
    against_best_over_folds,
    noise_of_seeds,
)


def normal_draws(generator: np.random.Generator, candidates: int, correlation: float) -> SharedDraws:
    """Draws of candidates with standard errors 1 that are correlated with each other."""
    own, common = generator.standard_normal((candidates, 1000)), generator.standard_normal(1000)
    draws = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own
    return SharedDraws(draws, draws)


@pytest.mark.parametrize("correlation", [0.8, pytest.param(0.0, marks=pytest.mark.thorough)])
def test_of_equal_candidates_none_is_called_worse_in_nineteen_of_twenty(correlation: float) -> None:
    generator, wrong = np.random.default_rng(0), 0
    draws = normal_draws(generator, 10, correlation)
    for _ in range(200):
        values = math.sqrt(1 - correlation) * generator.standard_normal(10)
        wrong += not against_best(values, draws).top.all()
    assert 0.02 <= wrong / 200 <= 0.09


def test_a_single_pair_has_the_quantile_of_a_normal_distribution() -> None:
    found = against_best(np.array([1.0, 0.0]), normal_draws(np.random.default_rng(0), 2, 0.5))
    assert found.critical == pytest.approx(1.96, abs=0.12)
    assert found.errors[1] == pytest.approx(1, abs=0.05)
    assert found.p_values[1] == pytest.approx(0.317, abs=0.05)


def test_more_candidates_need_a_larger_difference() -> None:
    critical = [
        against_best(np.zeros(m), normal_draws(np.random.default_rng(0), m, 0)).critical for m in (2, 5, 20)
    ]
    assert critical == sorted(critical)
    assert critical[2] == pytest.approx(5.01 / math.sqrt(2), abs=0.2)  # Tukey's range of 20


def test_candidates_that_differ_by_far_are_told_apart() -> None:
    found = against_best(np.array([0.0, 10.0, 9.9]), normal_draws(np.random.default_rng(0), 3, 0))
    assert found.top.tolist() == [False, True, True]
    assert (found.best, found.p_values[1]) == (1, 1)


def test_identical_predictions_are_never_told_apart() -> None:
    draws = np.tile(np.random.default_rng(0).standard_normal(1000), (3, 1))
    found = against_best(np.zeros(3), SharedDraws(draws, draws))
    assert found.top.all()
    assert against_best(np.zeros(1), SharedDraws(draws[:1], draws[:1])).top.tolist() == [True]


def test_folds_have_the_corrected_error_and_students_distribution() -> None:
    generator = np.random.default_rng(0)
    folds = generator.normal(0.8, 0.05, (2, 5))
    found = against_best_over_folds(folds, 0.25, np.random.default_rng(1), draws=40_000)
    a, b = folds[found.best], folds[1 - found.best]
    single = between_folds(a.tolist(), b.tolist(), evaluation_share=0.25)
    assert single is not None
    assert found.p_values[1 - found.best] == pytest.approx(single.p_value, abs=0.02)


def test_of_equal_candidates_over_few_folds_none_is_called_worse() -> None:
    """Each pair has its own error from five folds: with one for all pairs, 29 of 100 draws were wrong."""
    generator, wrong = np.random.default_rng(0), 0
    for _ in range(100):
        folds = generator.standard_normal((20, 5)) + 2 * generator.standard_normal(5)
        found = against_best_over_folds(folds, 0.0, np.random.default_rng(1), draws=200)
        wrong += not found.top.all()
    assert wrong <= 11


def test_over_folds_a_smaller_value_may_be_better() -> None:
    folds = np.random.default_rng(0).normal([[1.0], [5.0], [1.0]], 0.01, (3, 10))
    found = against_best_over_folds(folds, 0.25, np.random.default_rng(1), larger_is_better=False)
    assert found.top.tolist() == [True, False, True]


def test_the_spread_over_few_seeds_is_at_least_the_typical_one() -> None:
    spreads, seeds = np.array([0.0, 1.0, 1.0, 1.0, 5.0]), np.full(5, 3)
    drawn = noise_of_seeds(spreads, seeds, np.random.default_rng(0), draws=20_000).std(axis=1)
    typical = math.sqrt(1 / math.log(2) / 3)  # ln 2: the median of chi-square over 2 degrees of freedom
    assert drawn[:4] == pytest.approx(typical * math.sqrt(10 / 8), rel=0.03)
    assert drawn[4] == pytest.approx(5 / math.sqrt(3) * math.sqrt(10 / 8), rel=0.03)


def test_a_single_seed_adds_nothing() -> None:
    assert not noise_of_seeds(np.zeros(3), np.ones(3, np.int64), np.random.default_rng(0)).any()
    mixed = noise_of_seeds(np.array([0, 1.0]), np.array([1, 3]), np.random.default_rng(0))
    assert (mixed[0].any(), mixed[1].any()) == (False, True)
