"""Bounds of a look at a test set: they follow from counts, cover, and know how many looks there were."""

import math

import numpy as np
import pytest

from workers.evaluation.bootstrap import two_way_bootstrap
from workers.evaluation.intervals import wilson
from workers.evaluation.look_bounds import (
    LookBounds,
    Told,
    accuracy_bounds,
    balanced_accuracy_bounds,
    recall_bounds,
)


def width(bounds: LookBounds | None, name: str) -> float:
    assert bounds is not None
    interval = getattr(bounds, name)
    assert 0 <= interval.low <= interval.high <= 1
    return float(interval.high - interval.low)


def test_recalls_and_accuracy_have_wilson_s_intervals_with_a_row_counted_once() -> None:
    told = Told(support=(40, 0, 10), correct=(108, 0, 15), seeds=3, looks=4)
    assert told.shares == [0.9, None, 0.5]
    assert recall_bounds(told) == [wilson(36, 40, looks=4), None, wilson(5, 10, looks=4)]
    bounds = accuracy_bounds(told)
    assert bounds is not None
    assert (bounds.single, bounds.all_looks) == (wilson(41, 50), wilson(41, 50, looks=4))


@pytest.mark.parametrize("right", [(180, 12), (200, 20), (150, 0)])
def test_balanced_accuracy_has_the_interval_of_a_bootstrap_of_its_rows(right: tuple[int, int]) -> None:
    labels = np.repeat([0, 1], [200, 20])
    predictions = np.concatenate(
        [np.repeat([0, 1], [right[0], 200 - right[0]]), np.repeat([1, 0], [right[1], 20 - right[1]])]
    )
    oracle = two_way_bootstrap(
        predictions[None], labels, np.random.default_rng(1), classes=2, resamples=20_000
    )["balanced_accuracy"]
    bounds = balanced_accuracy_bounds(Told((200, 20), right, 1))
    assert bounds is not None
    assert bounds.single.low == pytest.approx(oracle.interval.low, abs=0.01)
    assert bounds.single.high == pytest.approx(oracle.interval.high, abs=0.01)
    assert bounds.single.low <= oracle.value <= bounds.single.high


def test_of_300_test_sets_at_least_94_of_100_intervals_cover() -> None:
    recalls, support = np.array([0.95, 0.6, 0.8]), (120, 15, 40)
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        right = tuple(generator.binomial(support, recalls).tolist())
        bounds = balanced_accuracy_bounds(Told(support, right, 1))
        assert bounds is not None
        covered += bounds.single.low <= recalls.mean() <= bounds.single.high
    assert covered / 300 >= 0.93


def test_more_looks_and_more_answers_widen_the_bounds() -> None:
    once = Told((30, 50), (27, 40), 1)
    again = Told((30, 50), (27, 40), 1, looks=2, earlier=((30, 50),))
    after_three_seeds = Told((30, 50), (27, 40), 1, looks=2, earlier=((90, 150),))
    for bounds in (accuracy_bounds, balanced_accuracy_bounds):
        assert width(bounds(once), "single") == width(bounds(again), "single")
        assert width(bounds(once), "all_looks") < width(bounds(again), "all_looks")
        assert width(bounds(once), "adaptive") < width(bounds(again), "adaptive")
        assert width(bounds(again), "adaptive") < width(bounds(after_three_seeds), "adaptive")


def test_the_adaptive_bound_of_balanced_accuracy_is_hoeffding_s_for_weighted_rows() -> None:
    """A row of class k moves the mean recall by 1 / (K n_k): the sum of squares of these is the scale."""
    bounds = balanced_accuracy_bounds(Told((400, 100), (200, 50), 1))
    assert bounds is not None
    half = bounds.adaptive.high - 0.5
    squares = 400 * (1 / 800) ** 2 + 100 * (1 / 200) ** 2
    assert 2 * math.exp(-2 * half**2 / squares) == pytest.approx(0.05)


def test_without_rows_there_are_no_bounds() -> None:
    told = Told((0, 0), (0, 0), 1)
    assert accuracy_bounds(told) is balanced_accuracy_bounds(told) is None
    assert recall_bounds(told) == [None, None]
