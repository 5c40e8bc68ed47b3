import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.ladder import LadderStep, climb


def wrong_on(first: int, n: int) -> NDArray[np.float64]:
    """0/1 losses of a model that is wrong on the first rows alone."""
    return np.where(np.arange(n) < first, 1.0, 0.0)


def test_the_first_model_is_revealed() -> None:
    assert climb(None, wrong_on(3, 10)).loss == 0.3


@pytest.mark.parametrize("n", [2, 3, 10, 97, 100, 333, 1000])
def test_one_row_gained_is_a_tie_with_the_noise_and_two_are_not(n: int) -> None:
    best = climb(None, wrong_on(n // 2 + 1, n))
    assert climb(best, wrong_on(n // 2, n)) is best
    if n > 2:
        assert climb(best, wrong_on(n // 2 - 1, n)).loss == (n // 2 - 1) / n


def test_a_gain_that_costs_almost_as_many_rows_elsewhere_is_noise() -> None:
    best = climb(None, wrong_on(50, 100))
    wins_33_loses_30 = np.roll(wrong_on(47, 100), 33)
    assert wins_33_loses_30.mean() == 0.47
    assert climb(best, wins_33_loses_30) is best


def test_a_worse_model_and_the_same_model_again_learn_nothing() -> None:
    best = climb(None, wrong_on(20, 100))
    assert climb(best, wrong_on(60, 100)) is best
    assert climb(best, wrong_on(20, 100)) is best


def test_what_is_revealed_is_a_multiple_of_one_row() -> None:
    losses = np.random.default_rng(0).random(7)
    revealed = climb(None, losses).loss
    assert revealed * 7 == pytest.approx(round(revealed * 7), abs=1e-12)
    assert abs(revealed - losses.mean()) <= 1 / 14


def test_a_single_row_is_answered_once() -> None:
    best = climb(None, wrong_on(1, 1))
    assert best.loss == 1
    assert climb(best, wrong_on(0, 1)) is best


def test_boosting_coin_flips_deceives_a_plain_leaderboard_and_not_the_ladder() -> None:
    """The boosting attack of Blum & Hardt 2015: a vote of those random guesses that scored below 1/2."""
    generator = np.random.default_rng(5)
    n, guesses = 2000, 400
    truth = generator.integers(0, 2, n)
    submissions = generator.integers(0, 2, (guesses, n))
    losses = (submissions != truth).astype(np.float64)

    def vote(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        majority = submissions[chosen].mean(axis=0) > 0.5
        return np.where(majority != truth, 1.0, 0.0)

    plain = vote(losses.mean(axis=1) < 0.5).mean()

    best: LadderStep | None = None
    improved = np.zeros(guesses, bool)
    for index, row in enumerate(losses):
        rung = climb(best, row)
        improved[index], best = rung is not best, rung
    revealed = climb(best, vote(improved)).loss

    assert plain < 0.4
    assert abs(revealed - 0.5) < 0.04
